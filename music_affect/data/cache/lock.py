"""Who may write to a feature cache: one process a part, and nobody beside one that works on everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from music_affect.data.cache.index import PARTS, part_names
from music_affect.system import files

EVERYTHING = "main"
LOCK = "build.lock"


@contextmanager
def exclusively(folders: Sequence[Path], part: str) -> Iterator[None]:
    """Holds the locks of one part in several caches; a killed process loses its locks with its life.

    The part ``main`` is made of whatever is missing: it waits for every share that is being written, and a share waits
    for it.

    Args:
        folders: of the caches.
        part: to be written.
    """
    with ExitStack() as held:
        for folder in sorted(folders):  # in one order, or two processes could wait for each other
            if part == EVERYTHING:
                others = [name for name in part_names(folder) if name != part]
            else:
                others = [EVERYTHING] if (folder / PARTS / EVERYTHING).is_dir() else []
            for name in others:
                with locked(_lock_of(folder, name)):
                    pass
            held.enter_context(locked(_lock_of(folder, part)))
        yield


def _lock_of(folder: Path, part: str) -> Path:
    return folder / PARTS / part / LOCK


def locked(path: Path) -> AbstractContextManager[None]:
    """Holds one lock, and logs it where it has to wait for it."""
    return files.held(path, f"Another process is building {path.parent}; waiting for it.")
