"""Who may write to a feature cache: one process a part, and nobody beside one that works on everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from music_affect.data.cache_index import PARTS, part_names

EVERYTHING = "main"
LOCK = "build.lock"

Say = Callable[[str], None]


@contextmanager
def exclusively(folders: Sequence[Path], part: str, say: Say) -> Iterator[None]:
    """Holds the locks of one part in several caches; a killed process loses its locks with its life.

    The part ``main`` is made of whatever is missing: it waits for every share that is being written, and a share waits
    for it.

    Args:
        folders: of the caches.
        part: to be written.
        say: told whom this process waits for.
    """
    with ExitStack() as held:
        for folder in sorted(folders):  # in one order, or two processes could wait for each other
            if part == EVERYTHING:
                others = [name for name in part_names(folder) if name != part]
            else:
                others = [EVERYTHING] if (folder / PARTS / EVERYTHING).is_dir() else []
            for name in others:
                with locked(_lock_of(folder, name), say):
                    pass
            held.enter_context(locked(_lock_of(folder, part), say))
        yield


def _lock_of(folder: Path, part: str) -> Path:
    return folder / PARTS / part / LOCK


@contextmanager
def locked(path: Path, say: Say) -> Iterator[None]:
    """Holds one lock, and says so where it has to wait for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"Another process is building {path.parent}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
