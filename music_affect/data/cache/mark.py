"""Which clip a build is reading, so that a clip that ended the whole process is known to the next build."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from music_affect.data.source import Clip

MARK = "reading"

Job = tuple[Clip, list[int]]


class ReadingMark:
    """A small file with the id of the clip that is being read; a process that was killed leaves it behind.

    Args:
        folder: of the part of the cache that is written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / MARK
        self._left = self._path.read_text(encoding="utf-8", errors="replace") if self._path.is_file() else None

    def suspects(self, job: Job) -> bool:
        """Whether an earlier process ended while it read this clip."""
        return job[0].id == self._left

    def each(self, jobs: Iterable[Job]) -> Iterator[Job]:
        """The jobs, each marked when it is asked for."""
        for job in jobs:
            self._path.write_text(job[0].id, encoding="utf-8")
            yield job

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """Removes the mark at the end, however the block ends; only a process that is killed does not come to it."""
        try:
            yield
        finally:
            self._path.unlink(missing_ok=True)
