"""What the columns of a table of labels hold: classes, scales, groups, parts and folds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

from music_affect.data.label_table import LabelTable, Row, is_number
from music_affect.data.source import SPLITS
from music_affect.errors import ConfigurationError, LabelError
from music_affect.spec import Categorical, Continuous, Target

GROUP_COLUMNS = ("group", "artist", "artist_id", "track_id", "album")
NOT_TARGETS = {"path", "id", "split", "fold", "title", "name", *GROUP_COLUMNS}
MAX_CLASSES = 100
UNIT = (0.0, 1.0)
FEW_OUTSIDE = 0.05  # share of values outside [0, 1] up to which they look like mistakes


class Columns:
    """The columns of a table, as they are named or else as they look.

    Args:
        table: whose columns they are.
        class_targets: columns that hold class names; None detects them.
        continuous_targets: columns that hold numbers; None detects them.
        ranges: ends (low, high) of scales by column; a value outside is refused.
        group: column that must not straddle a split; None detects it, an empty string uses none.
        split: column with ``train``, ``val``, ``test``; used where it exists.
        fold: column with the number of the clip's fold; used where it exists.
    """

    def __init__(
        self,
        table: LabelTable,
        class_targets: Sequence[str] | None,
        continuous_targets: Sequence[str] | None,
        ranges: Mapping[str, tuple[float, float]],
        group: str | None,
        split: str,
        fold: str,
    ) -> None:
        self._table, self._ranges = table, ranges
        self._class_targets, self._continuous_targets = class_targets, continuous_targets
        self._group, self._split, self._fold = group, split, fold

    @cached_property
    def targets(self) -> Mapping[str, Target]:
        """The labels, by column: classes before scales."""
        classes = self._class_columns()
        numbers = self._number_columns(exclude=set(classes))
        found: dict[str, Target] = {name: Categorical(tuple(sorted(self._table.distinct(name)))) for name in classes}
        found.update({name: self._scale(name) for name in numbers})
        return found

    def labels(self, row: Row) -> dict[str, str | float]:
        """Labels of a clip; an empty cell is a missing one."""
        return {
            name: row[name] if isinstance(target, Categorical) else float(row[name])
            for name, target in self.targets.items()
            if row[name]
        }

    @cached_property
    def group(self) -> str | None:
        """The column that must not straddle a split."""
        if self._group is not None:
            return self._group or None
        return next((column for column in GROUP_COLUMNS if column in self._table.columns), None)

    def split(self, row: Row) -> str | None:
        """The part that the table prescribes for a clip."""
        value = row.get(self._split, "")
        if value and value not in SPLITS:
            raise LabelError(
                f"{self._table.path} has the split '{value}' for {row['path']}",
                expected="train, val or test",
                fix="correct the cell, or name another column in data.source.split",
            )
        return value or None

    def fold(self, row: Row) -> int | None:
        """The fold that the table prescribes for a clip."""
        value = row.get(self._fold, "")
        if value and not value.isdecimal():
            raise LabelError(
                f"{self._table.path} has the fold '{value}' for {row['path']}",
                expected="a whole number from 0",
                fix="correct the cell, or name another column in data.source.fold",
            )
        return int(value) if value else None

    def remarks(self) -> list[str]:
        """Scales that would have ends but for a few values."""
        found = []
        for name in (name for name, kind in self.targets.items() if kind == Continuous()):
            outside = self._table.outside(name, *UNIT)
            if len(outside) < FEW_OUTSIDE * len(self._table.rows):
                found.append(
                    f"'{name}' lies in [0, 1] but for {len(outside)} of {len(self._table.rows)} clips (first: "
                    f"{outside[0][name]} for {outside[0]['path']}) and is taken as a scale without ends; "
                    f"data.source.ranges={{{name}:[LOW,HIGH]}} gives it some."
                )
        return found

    def why_missing(self, target: str) -> str | None:
        """What keeps a column from being a label."""
        if target not in self._candidates():
            return None
        row = self._table.first_text(target)
        if row is None:
            return f"its column is {'empty' if not self._table.distinct(target) else 'not named as a label'}"
        if any(is_number(cell) for cell in self._table.distinct(target)):
            return f"its column has the text '{row[target]}' for {row['path']}"
        return f"its column holds {len(self._table.distinct(target))} different texts"

    def _candidates(self) -> list[str]:
        return [column for column in self._table.columns if column not in {self._split, self._fold}]

    def _class_columns(self) -> list[str]:
        if self._class_targets is not None:
            return list(self._class_targets)
        named = {*(self._continuous_targets or ()), *self._ranges}
        return [c for c in self._candidates() if c not in NOT_TARGETS | named and self._recurs(c)]

    def _recurs(self, column: str) -> bool:
        """Whether a column holds text, with values few enough to be classes."""
        if self._table.holds_numbers(column):
            return False
        return 2 <= len(self._table.distinct(column)) <= min(MAX_CLASSES, len(self._table.rows) // 2)

    def _number_columns(self, exclude: set[str]) -> list[str]:
        named = list(dict.fromkeys([*(self._continuous_targets or ()), *self._ranges]))
        for column in named:
            self._check_numbers(column)
        if self._continuous_targets is not None:
            return named
        found = [c for c in self._candidates() if c not in NOT_TARGETS | exclude and self._table.holds_numbers(c)]
        return list(dict.fromkeys([*found, *named]))

    def _check_numbers(self, column: str) -> None:
        row = self._table.first_text(column)
        if row is not None:
            raise LabelError(
                f"{self._table.path} has '{row[column]}' in the number column '{column}' for {row['path']}",
                expected="a number or an empty cell",
                fix="correct the cell",
            )

    def _scale(self, column: str) -> Continuous:
        low, high = self._ranges.get(column, UNIT)
        outside = self._table.outside(column, low, high)
        if column in self._ranges and outside:
            raise LabelError(
                f"{self._table.path} has {column}={outside[0][column]} for {outside[0]['path']}",
                expected=f"numbers from {low} to {high}, as data.source.ranges says",
                fix="correct the cell or the range",
            )
        return Continuous() if outside else Continuous(low, high)


def checked_ends(column: str, ends: Sequence[float]) -> tuple[float, float]:
    """The ends of a scale, as numbers.

    Raises:
        ConfigurationError: they are not two finite numbers, the lower one first.
    """
    try:
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not -math.inf < low < high < math.inf:
        raise ConfigurationError(
            f"data.source.ranges has {column}:{ends}",
            expected="two numbers, the lower one first",
            fix=f"write data.source.ranges={{{column}:[LOW,HIGH]}}",
        )
    return low, high
