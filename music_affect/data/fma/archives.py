"""Where the archives of the Free Music Archive keep the file of a track."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from music_affect.data.fma.tables import SUBSETS


class FMAArchives:
    """The archives that are there, smallest first.

    Args:
        root: the folder that holds them side by side.
        subset: whose archive a file is said to be in that none has.
    """

    def __init__(self, root: Path, subset: str) -> None:
        self._root, self._subset = root, subset
        self.present = [name for name in (f"fma_{size}" for size in SUBSETS) if (root / name).is_dir()]

    def has(self, number: int) -> bool:
        """Whether the file of a track is there."""
        return _file(number) in self._archive_of

    def path(self, number: int) -> Path:
        """The file of a track in the smallest archive that has it, or where it should be."""
        file = _file(number)
        return self._root / self._archive_of.get(file, f"fma_{self._subset}") / file

    @cached_property
    def _archive_of(self) -> dict[str, str]:
        """Archives by the files in them; a folder is listed as a whole, since asking for each file takes longer."""
        found: dict[str, str] = {}
        for archive in self.present:
            for folder in sorted(path for path in (self._root / archive).iterdir() if path.is_dir()):
                for name in os.listdir(folder):
                    found.setdefault(f"{folder.name}/{name}", archive)
        return found


def track_id(number: int) -> str:
    """A track's number as its file is called."""
    return f"{number:06d}"


def _file(number: int) -> str:
    return f"{track_id(number)[:3]}/{track_id(number)}.mp3"
