"""The file that a search and its trials write to, each from a process of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from music_affect.errors import ConfigurationError

if TYPE_CHECKING:
    from optuna.storages import JournalStorage

JOURNAL = "study.journal"
NAME = "search"  # of the study in its file: the draws of Hyperband's brackets depend on it


def check_installed() -> None:
    """Refuses a search where Optuna is not installed.

    Raises:
        ConfigurationError: with the extra that brings it.
    """
    try:
        import optuna
    except ImportError as error:
        raise ConfigurationError(
            "hparams_search needs Optuna, which is not installed",
            expected="the extra 'search'",
            fix="pip install 'music_affect[search]'",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def open_storage(journal: Path) -> JournalStorage:
    """The storage in a file, which is made where it is missing."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    class Lock(JournalFileOpenLock):
        """Released when its process is killed, and heals what that process has not written to the end."""

        def __init__(self) -> None:
            self._lock = FileLock(f"{journal}.lock")

        def acquire(self) -> bool:
            self._lock.acquire()
            _cut_torn_line(journal)
            return True

        def release(self) -> None:
            self._lock.release()

    journal.parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(journal), lock_obj=Lock()))


def _cut_torn_line(journal: Path) -> None:
    """Removes the end of a line that is not there as a whole; nothing could be appended after it."""
    with journal.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size == 0:
            return
        stream.seek(size - 1)
        if stream.read(1) == b"\n":
            return
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)
