"""Anyone's folder of audio files with a ``labels.csv``."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from music_affect.data.source import SPLITS, Clip, ClipSource
from music_affect.errors import DataNotFoundError, LabelError, did_you_mean
from music_affect.spec import Categorical, Continuous, Target

GROUP_COLUMNS = ("group", "artist", "artist_id", "track_id", "album")
NOT_TARGETS = {"path", "id", "split", "fold", "title", "name", *GROUP_COLUMNS}
MAX_CLASSES = 100


class FolderSource(ClipSource):
    """Audio files listed in a table.

    What: ``labels.csv`` with one row a clip; ``path`` is relative to the folder. Every further column may be a label.
    Columns are detected where they are not named: text with a few recurring values is a class, numbers are a scale,
    ``artist`` (or group, track_id, album) is what must not straddle a split, ``split`` and ``fold`` are taken over.
    An empty cell is a missing label.

    Args:
        root: the folder.
        name: short name for run folders and reports; the folder's own name where None.
        labels: file name of the table within the folder.
        class_targets: columns that hold class names; None detects them.
        continuous_targets: columns that hold numbers; None detects them.
        group: column that must not straddle a split; None detects it, an empty string uses none.
        split: column with ``train``, ``val``, ``test``; used where it exists.
        fold: column with the number of the clip's fold; used where it exists.
    """

    def __init__(
        self,
        root: str | Path | None,
        name: str | None = None,
        labels: str = "labels.csv",
        class_targets: Sequence[str] | None = None,
        continuous_targets: Sequence[str] | None = None,
        group: str | None = None,
        split: str = "split",
        fold: str = "fold",
    ) -> None:
        if root is None:
            raise DataNotFoundError(
                "data=folder without a folder",
                expected="the path of a folder with audio files and a labels.csv",
                fix="add data.root=PATH, or run data=synthetic which needs no files",
            )
        self.root = Path(root).expanduser().absolute()
        self.name = name or self.root.name
        self._table = self.root / labels
        self._class_targets, self._continuous_targets = class_targets, continuous_targets
        self._group, self._split, self._fold = group, split, fold

    @cached_property
    def targets(self) -> Mapping[str, Target]:
        classes = self._class_columns()
        numbers = self._number_columns(exclude=set(classes))
        found: dict[str, Target] = {name: Categorical(tuple(sorted(self._distinct(name)))) for name in classes}
        found.update({name: self._scale(name) for name in numbers})
        return found

    def clips(self) -> list[Clip]:
        group = self._group_column()
        clips = [self._clip(row, group) for row in self._rows]
        ids, paths = Counter(clip.id for clip in clips), Counter(str(clip.path) for clip in clips)
        repeated = [name for name, count in [*ids.items(), *paths.items()] if count > 1]
        if repeated:
            raise LabelError(
                f"{self._table} lists {len(repeated)} clips more than once (first: '{repeated[0]}')",
                expected="one row a clip, with unique ids and paths",
                fix="remove the repeated rows",
            )
        return clips

    @cached_property
    def _rows(self) -> list[dict[str, str]]:
        if not self._table.is_file():
            there = "an existing folder without that file" if self.root.is_dir() else "no such folder"
            raise DataNotFoundError(
                f"no table of labels at {self._table} ({there})",
                expected="a folder with audio files and a labels.csv that has a 'path' column",
                fix="set data.root to such a folder, or data.source.labels to the table's name",
            )
        try:
            with self._table.open(newline="", encoding="utf-8-sig") as stream:
                reader = csv.DictReader(stream)
                rows = [{key: (value or "").strip() for key, value in row.items() if key} for row in reader]
                columns = list(reader.fieldnames or [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise LabelError(
                f"{self._table} is not a readable table ({error})",
                expected="comma-separated UTF-8 text with a header line",
                fix="save it again as CSV",
            ) from error
        self._check_columns(columns, rows)
        return rows

    def _check_columns(self, columns: list[str], rows: list[dict[str, str]]) -> None:
        wanted = ["path", *(self._class_targets or ()), *(self._continuous_targets or ())]
        for column in [*wanted, *([self._group] if self._group else [])]:
            if column not in columns:
                raise LabelError(
                    f"{self._table} has no column '{column}'{did_you_mean(column, columns)}",
                    expected=f"one of its columns: {', '.join(columns) or 'none, the file is empty'}",
                    fix="rename the column or name another one in the configuration",
                )
        if not rows:
            raise LabelError(
                f"{self._table} has a header and no rows", expected="one row a clip", fix="list the audio files in it"
            )

    def _clip(self, row: dict[str, str], group: str | None) -> Clip:
        labels: dict[str, str | float] = {}
        for name, target in self.targets.items():
            if row[name]:
                labels[name] = row[name] if isinstance(target, Categorical) else float(row[name])
        return Clip(
            id=row.get("id") or row["path"],
            path=self._inside(row["path"]),
            labels=labels,
            group=(row[group] or None) if group else None,
            split=self._checked_split(row),
            fold=self._checked_fold(row),
        )

    def _inside(self, relative: str) -> Path:
        path = self.root / relative
        if not relative or Path(relative).is_absolute() or ".." in Path(relative).parts:
            raise LabelError(
                f"{self._table} names the file '{relative}'",
                expected="a path inside the folder",
                fix="move the file into the folder and write its relative path",
            )
        return path

    def _checked_split(self, row: dict[str, str]) -> str | None:
        value = row.get(self._split, "")
        if value and value not in SPLITS:
            raise LabelError(
                f"{self._table} has the split '{value}' for {row['path']}",
                expected="train, val or test",
                fix="correct the cell, or name another column in data.source.split",
            )
        return value or None

    def _checked_fold(self, row: dict[str, str]) -> int | None:
        value = row.get(self._fold, "")
        if value and not value.isdecimal():
            raise LabelError(
                f"{self._table} has the fold '{value}' for {row['path']}",
                expected="a whole number from 0",
                fix="correct the cell, or name another column in data.source.fold",
            )
        return int(value) if value else None

    def _columns(self) -> list[str]:
        return [column for column in self._rows[0] if column not in {self._split, self._fold}]

    def _distinct(self, column: str) -> set[str]:
        return {row[column] for row in self._rows if row[column]}

    def _class_columns(self) -> list[str]:
        if self._class_targets is not None:
            return list(self._class_targets)
        named = set(self._continuous_targets or ())
        candidates = [c for c in self._columns() if c not in NOT_TARGETS | named and not self._all_numbers(c)]
        return [c for c in candidates if 2 <= len(self._distinct(c)) <= min(MAX_CLASSES, len(self._rows) // 2)]

    def _number_columns(self, exclude: set[str]) -> list[str]:
        if self._continuous_targets is not None:
            for column in self._continuous_targets:
                self._check_numbers(column)
            return list(self._continuous_targets)
        return [c for c in self._columns() if c not in NOT_TARGETS | exclude and self._all_numbers(c)]

    def _all_numbers(self, column: str) -> bool:
        cells = self._distinct(column)
        return bool(cells) and all(_is_number(cell) for cell in cells)

    def _check_numbers(self, column: str) -> None:
        for row in self._rows:
            if row[column] and not _is_number(row[column]):
                raise LabelError(
                    f"{self._table} has '{row[column]}' in the number column '{column}' for {row['path']}",
                    expected="a number or an empty cell",
                    fix="correct the cell",
                )

    def _scale(self, column: str) -> Continuous:
        values = [float(cell) for cell in self._distinct(column)]
        return Continuous(0.0, 1.0) if values and min(values) >= 0 and max(values) <= 1 else Continuous()

    def _group_column(self) -> str | None:
        if self._group is not None:
            return self._group or None
        return next((column for column in GROUP_COLUMNS if column in self._rows[0]), None)


def _is_number(cell: str) -> bool:
    try:
        return float(cell) - float(cell) == 0  # neither NaN nor infinite
    except ValueError:
        return False
