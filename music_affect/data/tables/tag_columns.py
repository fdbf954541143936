"""Columns of a table that hold tags: any number in a cell, or a column of 0 and 1 for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from music_affect.contracts.errors import LabelError
from music_affect.contracts.spec import Tags
from music_affect.data.tables.label_table import LabelTable, Row
from music_affect.data.tables.roles import Roles
from music_affect.data.tables.spelling import first_spellings, folded

MOST_TAGS = 50
_BETWEEN_TAGS = re.compile(r"[|;,]")
_YES_NO = {"0", "1"}


class TagColumns:
    """The labels of a table that are tags, by name.

    Args:
        table: whose columns they are.
        roles: columns that are something else.
        targets: columns whose cells hold tags with ``|``, ``;`` or ``,`` between them.
        most: of a label, the most frequent tags are learnt, of those that two clips or more have.
        binary: name of a label that is made of all columns that hold nothing but 0 and 1; None makes none.
    """

    def __init__(
        self,
        table: LabelTable,
        roles: Roles,
        targets: Sequence[str] = (),
        most: int = MOST_TAGS,
        binary: str | None = None,
    ) -> None:
        self._table, self._roles, self._targets = table, roles, targets
        self._most, self._binary = most, binary

    @cached_property
    def taken(self) -> set[str]:
        """Columns that are no labels of another kind."""
        return {*map(self._table.column, self._targets), *self._yes_no}

    @cached_property
    def targets(self) -> dict[str, Tags]:
        """The labels with their tags in the order of the alphabet.

        Raises:
            LabelError: a label has no tag that two clips have.
        """
        return {name: self._tags(name) for name in self._found}

    def labels(self, row: Row) -> dict[str, str]:
        """Labels of a clip; an empty cell is a missing one."""
        known = {name: target for name, target in self.targets.items() if any(row[cell] for cell in self._cells(name))}
        return {name: target.label(self._tags_of(row, name)) for name, target in known.items()}

    def remarks(self) -> Iterator[str]:
        """How many tags are left out."""
        for name, target in self.targets.items():
            if len(self._found[name]) > len(target.names):
                yield f"'{name}': the {len(target.names)} most frequent of {len(self._found[name])} tags are learnt."

    @cached_property
    def _yes_no(self) -> list[str]:
        if self._binary is None:
            return []
        free = [column for column in self._table.columns if column not in self._roles.taken]
        return [column for column in free if _YES_NO >= self._table.distinct(column) > set()]

    @cached_property
    def _found(self) -> dict[str, Counter[str]]:
        """Clips by tag, by label."""
        names = [*map(self._table.column, self._targets), *([self._binary] if self._binary is not None else [])]
        return {name: Counter(tag for row in self._table.rows for tag in self._tags_of(row, name)) for name in names}

    @cached_property
    def _spelled(self) -> dict[str, Mapping[str, str]]:
        """The first spelling of every tag by its folded name, by column."""
        rows, names = self._table.rows, map(self._table.column, self._targets)
        return {name: first_spellings(tag for row in rows for tag in split_tags(row[name])) for name in names}

    def _cells(self, name: str) -> list[str]:
        return self._yes_no if name == self._binary else [name]

    def _tags_of(self, row: Row, name: str) -> set[str]:
        if name == self._binary:
            return {self._table.spelled(column) for column in self._yes_no if row[column] == "1"}
        return {self._spelled[name][folded(tag)] for tag in split_tags(row[name])}

    def _tags(self, name: str) -> Tags:
        counts = self._found[name]
        recurring = [tag for tag, clips in counts.items() if clips > 1]
        if not recurring:
            raise LabelError(
                f"{self._table.path} has no tag of '{name}' that two clips have",
                expected="cells like rock|indie, with | ; or , between tags that recur, or columns of 0 and 1",
                fix="name other columns in data.source.tag_targets, or leave out data.source.binary_tags",
            )
        return Tags(tuple(sorted(sorted(recurring, key=lambda tag: (-counts[tag], tag))[: self._most])))


def split_tags(cell: str) -> list[str]:
    """The tags of a cell, without blanks around them; none of a cell that holds nothing but separators."""
    return [tag for part in _BETWEEN_TAGS.split(cell) if (tag := part.strip())]
