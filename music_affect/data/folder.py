"""Anyone's folder of audio files, with a ``labels.csv`` or without."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from music_affect.data.audio_files import AudioFiles, printable
from music_affect.data.columns import Columns, checked_ends
from music_affect.data.label_files import refuse_repeated
from music_affect.data.label_table import LabelTable, Row
from music_affect.data.source import Clip, ClipSource
from music_affect.errors import DataNotFoundError, LabelError
from music_affect.spec import Target

LABELS = "labels.csv"
COMPARED = 200_000  # audio files that are compared with the table: a second of looking; larger libraries are not


class _Listing(NamedTuple):
    """Audio files below the folder, and the folders that could not be looked into."""

    files: list[str]
    unreadable: list[str]


class FolderSource(ClipSource):
    """Audio files listed in a table, or all audio files below a folder that has none.

    What: ``labels.csv`` with one row a clip; ``path`` is relative to the folder. Every further column may be a label.
    Columns are detected where they are not named: text with a few recurring values is a class, numbers are a scale,
    ``artist`` (or group, track_id, album) is what must not straddle a split, ``split`` and ``fold`` are taken over.
    An empty cell is a missing label. A scale whose values all lie in [0, 1] has these ends.
    Without the table, every audio file in the folder and in the folders within it is a clip without labels, named by
    its relative path: enough to predict, not to learn from.

    Args:
        root: the folder.
        name: short name for run folders and reports; the folder's own name where None.
        labels: file name of the table within the folder; None takes the files without labels, even if it is there.
        class_targets: columns that hold class names; None detects them.
        continuous_targets: columns that hold numbers; None detects them.
        ranges: ends [low, high] of scales by column; a value outside is refused.
        group: column that must not straddle a split; None detects it, an empty string uses none.
        split: column with ``train``, ``val``, ``test``; used where it exists.
        fold: column with the number of the clip's fold; used where it exists.
    """

    def __init__(
        self,
        root: str | Path | None,
        name: str | None = None,
        labels: str | None = LABELS,
        class_targets: Sequence[str] | None = None,
        continuous_targets: Sequence[str] | None = None,
        ranges: Mapping[str, Sequence[float]] | None = None,
        group: str | None = None,
        split: str = "split",
        fold: str = "fold",
    ) -> None:
        if root is None:
            raise DataNotFoundError(
                "data=folder without a folder",
                expected="the path of a folder with audio files, and a labels.csv where they have labels",
                fix="add data.root=PATH, or run data=synthetic which needs no files",
            )
        self.root = Path(root).expanduser().resolve()
        self.name = name or self.root.name
        ends = {column: checked_ends(column, given) for column, given in (ranges or {}).items()}
        needed = [*(class_targets or ()), *(continuous_targets or ()), *ends, *([group] if group else [])]
        self._labels, self._needed = labels, needed
        self._table = LabelTable(self.root / (labels or LABELS), needed)
        self._columns = Columns(self._table, class_targets, continuous_targets, ends, group, split, fold)

    @property
    def targets(self) -> Mapping[str, Target]:
        if self._without_table:
            _ = self._audio  # refuses a folder without any
            return {}
        return self._columns.targets

    def clips(self) -> list[Clip]:
        if self._without_table:
            return [Clip(id=name, path=self.root / file) for name, file in _by_id(self._audio.files).items()]
        clips = [self._clip(row) for row in self._table.rows]
        for names in ([clip.id for clip in clips], [str(clip.path) for clip in clips]):
            expected, fix = "one row a clip, with unique ids and paths", "remove the repeated rows"
            refuse_repeated(self._table.path, "clips", names, expected, fix)
        return clips

    def remarks(self) -> list[str]:
        if self._without_table:
            return _told_unreadable(self._audio.unreadable)
        return [*self._columns.remarks(), *self._told_unlisted()]

    def why_missing(self, target: str) -> str | None:
        if not self._without_table:
            return self._columns.why_missing(target)
        table = "data.source.labels=null leaves its table out" if self._labels is None else f"no {self._table.path}"
        return f"{table}; audio without labels can be predicted; learning needs a table with 'path' and '{target}'"

    @property
    def _without_table(self) -> bool:
        """Whether the files are the clips: no columns are asked for, and the usual table is absent or not wanted."""
        if self._needed:
            return False
        return self._labels is None or (self._labels == LABELS and os.path.isdir(self.root) and self._lacks_table())

    def _lacks_table(self) -> bool:
        """Whether there is no table; one that cannot be looked at is there, and its labels are not left out."""
        try:
            self._table.path.lstat()
        except OSError as error:
            return isinstance(error, FileNotFoundError)
        return False

    @cached_property
    def _audio(self) -> _Listing:
        found = AudioFiles(self.root)
        listing = _Listing(sorted(found), found.unreadable)
        if not listing.files:
            table = f"no table of labels at {self._table.path} (an existing folder without that file) and "
            closed = f" ({len(listing.unreadable)} folders cannot be read)" if listing.unreadable else ""
            raise DataNotFoundError(
                f"{table if self._labels else ''}no audio files below {self.root}{closed}",
                expected="a folder with audio files, and a labels.csv with a 'path' column where they have labels",
                fix="set data.root to such a folder",
            )
        return listing

    def _clip(self, row: Row) -> Clip:
        group = self._columns.group
        path, name = self._inside(row["path"]), row.get("id") or row["path"]
        if "\0" in name:
            raise LabelError(
                f"{self._table.path} has an id with a NUL byte for {row['path']}",
                expected="ids of printable text",
                fix="correct the cell, or save the table again as CSV in UTF-8",
            )
        return Clip(
            id=name,
            path=path,
            labels=self._columns.labels(row),
            group=(row[group] or None) if group else None,
            split=self._columns.split(row),
            fold=self._columns.fold(row),
        )

    def _inside(self, relative: str) -> Path:
        path = self.root / relative
        if not relative or "\0" in relative or Path(relative).is_absolute() or ".." in Path(relative).parts:
            raise LabelError(
                f"{self._table.path} names the file '{relative}'",
                expected="a path inside the folder",
                fix="move the file into the folder and write its relative path",
            )
        return path

    def _told_unlisted(self) -> list[str]:
        found = AudioFiles(self.root)
        files = list(islice(found, COMPARED + 1))
        if len(files) > COMPARED:
            return []
        listed = {str(Path(row["path"])) for row in self._table.rows}
        unlisted = sorted(file for file in files if file not in listed)
        told = _told_unreadable(found.unreadable)
        if unlisted:
            first = printable(unlisted[0])
            told.append(f"{len(unlisted)} audio files are not in {self._table.path.name} (first: '{first}').")
        return told


def _by_id(files: Sequence[str]) -> dict[str, str]:
    """Relative paths by what they are called: themselves, where they are text in UTF-8."""
    named = {file: file for file in files if printable(file) == file}
    for file in files:
        if file not in named:
            name = printable(file)
            while name in named:  # another file has the name that this one's bytes are written as
                name += "\\"
            named[name] = file
    return {name: named[name] for name in sorted(named)}


def _told_unreadable(folders: Sequence[str]) -> list[str]:
    if not folders:
        return []
    return [f"{len(folders)} folders cannot be read (first: '{printable(min(folders))}'); what they hold is left out."]
