"""Which columns of a table are labels: classes, and scales with their ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from music_affect.contracts.errors import ConfigurationError, LabelError
from music_affect.contracts.spec import Categorical, Continuous, Target
from music_affect.data.tables.label_table import PATH, LabelTable, Row, is_number
from music_affect.data.tables.roles import Roles
from music_affect.data.tables.spelling import folded, respelled
from music_affect.data.tables.tag_columns import TagColumns

MAX_CLASSES = 100
UNIT = (0.0, 1.0)
FEW_OUTSIDE = 0.05  # share of values outside [0, 1] up to which they look like mistakes


class Columns:
    """The labels of a table, as they are named or else as they look; by the folded names of their columns.

    Args:
        table: whose columns they are.
        roles: columns that are something else.
        class_targets: columns that hold class names; None detects them.
        continuous_targets: columns that hold numbers; None detects them.
        ranges: ends (low, high) of scales by column; a value outside is refused.
        tags: columns that hold tags.
    """

    def __init__(
        self,
        table: LabelTable,
        roles: Roles,
        class_targets: Sequence[str] | None,
        continuous_targets: Sequence[str] | None,
        ranges: Mapping[str, tuple[float, float]],
        tags: TagColumns,
    ) -> None:
        self._table, self._roles, self._tags = table, roles, tags
        self._ranges = {folded(name): ends for name, ends in ranges.items()}
        self._class_targets, self._continuous_targets = class_targets, continuous_targets

    @cached_property
    def targets(self) -> Mapping[str, Target]:
        """The labels, by column: classes before scales, tags last."""
        classes = self._class_columns()
        numbers = self._number_columns(exclude=set(classes))
        found: dict[str, Target] = {name: Categorical(tuple(sorted(self._table.distinct(name)))) for name in classes}
        found.update({name: self._scale(name) for name in numbers})
        return found | self._tags.targets

    def labels(self, row: Row) -> dict[str, str | float]:
        """Labels of a clip; an empty cell is a missing one."""
        single = {name: kind for name, kind in self.targets.items() if name not in self._tags.targets and row[name]}
        found = {
            name: row[name] if isinstance(kind, Categorical) else float(row[name]) for name, kind in single.items()
        }
        return found | self._tags.labels(row)

    def remarks(self) -> list[str]:
        """What a person may not expect of the labels."""
        single = [name for name in self.targets if name not in self._tags.targets]
        return [*(told for name in single for told in self._told(name)), *self._tags.remarks()]

    def why_missing(self, target: str) -> str | None:
        """What keeps a column from being a label."""
        if target not in self._table.columns:
            return None
        counts, row = self._table.counts(target), self._table.first_text(target)
        if not counts:
            return "its column is empty"
        if target == self._roles.group:
            return "its column is taken as the group"
        if row is None:
            return f"its column holds numbers ({_some(counts)})"
        if any(is_number(cell) for cell in counts):
            return f"its column has the text '{row[target]}' for {row[PATH]}"
        return f"its column holds {len(counts)} different texts in {counts.total()} rows ({_some(counts)})"

    def remedy(self, target: str, kind: str) -> str | None:
        """The words that make a column a label of a kind, where some do."""
        if target not in self._table.columns or not self._table.counts(target):
            return None
        if kind == "tags":
            return f"add data.source.tag_targets=[{target}], which takes its cells as tags with | ; or , between them"
        if kind == "categorical":
            return f"add data.source.class_targets=[{target}], which makes each of its texts a class"
        row = self._table.first_text(target)
        if row is None:
            return f"add data.source.continuous_targets=[{target}]"
        comma = " (decimals are written with a point)" if is_number(row[target].replace(",", ".")) else ""
        if not any(is_number(cell) for cell in self._table.distinct(target)) and not comma:
            return None
        words = [*self._table.said_nothing(target), row[target]]
        return f'correct the cell{comma}, or add "data.source.missing={words}" where it stands for no value'

    def _told(self, name: str) -> Iterator[str]:
        spelled, blank = self._table.spelled(name), self._table.said_nothing(name)
        if spelled != name:
            yield f"The column '{spelled}' is the label {name}."
        if blank:
            words = ", ".join(f"'{word}'" for word in blank)
            yield (
                f"'{name}' is missing where {blank.total()} cells say {words}; "
                "data.source.missing=[] keeps such words as classes."
            )
        kind = self.targets[name]
        if isinstance(kind, Categorical):
            alike, row = respelled(kind.classes), self._table.first_text(name)
            if row is not None and 2 * sum(map(is_number, kind.classes)) > len(kind.classes):
                yield f"'{name}' is taken as a class: it has numbers and the text '{row[name]}' for {row[PATH]}."
            for found in alike.values():
                clips = ", ".join(f"'{label}' ({self._table.counts(name)[label]})" for label in found)
                yield f"'{name}' has {len(found)} classes that differ in spelling alone: {clips}; write them alike."
        elif kind == Continuous():
            yield from self._told_outside(name)

    def _told_outside(self, name: str) -> Iterator[str]:
        """A scale that would have ends but for a few values."""
        outside = self._table.outside(name, *UNIT)
        if len(outside) < FEW_OUTSIDE * len(self._table.rows):
            yield (
                f"'{name}' lies in [0, 1] but for {len(outside)} of {len(self._table.rows)} clips (first: "
                f"{outside[0][name]} for {outside[0][PATH]}) and is taken as a scale without ends; "
                f"data.source.ranges={{{name}:[LOW,HIGH]}} gives it some."
            )

    def _candidates(self) -> list[str]:
        return [column for column in self._table.columns if column not in self._roles.taken | self._tags.taken]

    def _class_columns(self) -> list[str]:
        if self._class_targets is not None:
            return [self._table.column(name) for name in self._class_targets]
        named = {*map(self._table.column, self._continuous_targets or ()), *self._ranges}
        return [column for column in self._candidates() if column not in named and self._recurs(column)]

    def _recurs(self, column: str) -> bool:
        """Whether a column holds text, with values few enough to be classes."""
        if self._table.holds_numbers(column):
            return False
        return 2 <= len(self._table.distinct(column)) <= min(MAX_CLASSES, len(self._table.rows) // 2)

    def _number_columns(self, exclude: set[str]) -> list[str]:
        named = list(dict.fromkeys(map(self._table.column, [*(self._continuous_targets or ()), *self._ranges])))
        for column in named:
            self._check_numbers(column)
        if self._continuous_targets is not None:
            return named
        found = [c for c in self._candidates() if c not in exclude and self._table.holds_numbers(c)]
        return list(dict.fromkeys([*found, *named]))

    def _check_numbers(self, column: str) -> None:
        row = self._table.first_text(column)
        if row is not None:
            raise LabelError(
                f"{self._table.path} has '{row[column]}' in the number column '{column}' for {row[PATH]}",
                expected="a number or an empty cell",
                fix=self.remedy(column, "continuous") or "correct the cell",
            )

    def _scale(self, column: str) -> Continuous:
        low, high = self._ranges.get(column, UNIT)
        outside = self._table.outside(column, low, high)
        if column in self._ranges and outside:
            raise LabelError(
                f"{self._table.path} has {column}={outside[0][column]} for {outside[0][PATH]}",
                expected=f"numbers from {low} to {high}, as data.source.ranges says",
                fix="correct the cell or the range",
            )
        return Continuous() if outside else Continuous(low, high)


def _some(texts: Iterable[str]) -> str:
    first = [f"'{text[:30]}'" for text in sorted(texts)]
    return ", ".join([*first[:3], *["…"][: len(first) > 3]])


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
