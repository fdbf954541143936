"""One job a device: a lock file each, held as long as its process uses the device, freed with its death."""

from __future__ import annotations

import getpass
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

POLL = 0.2  # seconds between two looks

log = logging.getLogger(__name__)


def machine_folder() -> Path:
    """Where the device locks of this machine and user are: every sweep has to see those of all others."""
    return Path(tempfile.gettempdir()) / f"music_affect-devices-{getpass.getuser()}"


@contextmanager
def one_of(names: Sequence[str], folder: Path) -> Iterator[str]:
    """Holds the first free one of some things, waiting until one is free.

    Args:
        names: of the things, e.g. ``gpu-0``.
        folder: where their locks are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    reported = False
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
        if not reported:
            log.warning("Waiting for one of %s.", ", ".join(names))  # a worker process prints nothing less
            reported = True
        time.sleep(POLL)
