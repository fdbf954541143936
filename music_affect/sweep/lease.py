"""One job a device: a lock file each, held as long as its process uses the device, freed with its death."""

from __future__ import annotations

import getpass
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

POLL = 0.2  # seconds between two looks


def machine_folder() -> Path:
    """Where the leases of this machine and user are: every sweep has to see those of all others."""
    return Path(tempfile.gettempdir()) / f"music_affect-leases-{getpass.getuser()}"


@contextmanager
def one_of(names: Sequence[str], folder: Path, say: Callable[[str], None]) -> Iterator[str]:
    """Holds the first free one of some things, waiting until one is free.

    Args:
        names: of the things, e.g. ``gpu-0``.
        folder: where their locks are.
        say: told once if it has to wait.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = False
    while True:
        for name in names:
            lock = FileLock(folder / f"{name}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield name
            finally:
                lock.release()
            return
        if not told:
            say(f"Waiting for one of {', '.join(names)}.")
            told = True
        time.sleep(POLL)
