"""Which columns of a table say whose clips these are, and which part and fold a clip belongs to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import cached_property

from music_affect.contracts.errors import LabelError
from music_affect.data.source import SPLITS
from music_affect.data.tables.label_table import PATH, PATHS, LabelTable, Row
from music_affect.data.tables.spelling import first_spellings, folded, respelled, squeezed

IDS = ("id", "clipid")
OWNERS = ("artist", "performer", "band", "singer", "composer", "speaker", "interpret")
PIECES = ("album", "release", "track", "song", "recording", "work", "group")
GROUPS = (
    *(word + end for word in ("group", *OWNERS, "album") for end in ("", "s", "id", "name")),
    *("albumtitle", "trackid", "songid", "recordingid"),
)  # the first that groups anything is taken: whole artists before their albums and tracks
PARTS = ("split", "splits", "datasetsplit", "trainvaltest", "traintest", "subset", "partition", "part", "set")
FOLDS = ("fold", "folds", "foldid", "foldnumber", "foldindex", "cvfold", "kfold")
PART_WORDS = {
    **dict.fromkeys(("train", "training", "trn", "tr", "learn", "learning"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "vld", "dev", "devel", "development"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "te", "eval", "evaluation", "heldout", "holdout"), "test"),
}
BY_FILES = ("tags", "folder")  # words for a group that the files tell, where no column is called so
_FOLD = re.compile(
    r"(?:(?:fold|cv|k|f)[-_\s]*)?([0-9]+)(?:\.0*)?", re.IGNORECASE
)  # pandas writes whole numbers beside gaps as 1.0

Choice = str | None


class Roles:
    """The columns of a table that are no labels.

    Args:
        table: whose columns they are.
        group: column that must not straddle a split; None detects it, an empty string uses none.
        split: column with the clip's part; None detects it, an empty string uses none.
        fold: column with the number of the clip's fold; None detects it, an empty string uses none.
        labels: folded names of columns that are named as labels; they are never detected as anything else.
    """

    def __init__(self, table: LabelTable, group: Choice, split: Choice, fold: Choice, labels: Collection[str]) -> None:
        self._table, self._labels = table, labels
        self._given = {"group": group, "split": split, "fold": fold}

    @cached_property
    def group(self) -> str | None:
        """The column that must not straddle a split."""
        if self._given["group"] in BY_FILES and folded(self._given["group"] or "") not in self._table.columns:
            return None
        return self._chosen("group", GROUPS, self._groups)

    @cached_property
    def split(self) -> str | None:
        """The column with the clip's part. A word like ``set`` is taken where all of its cells are parts."""
        return self._chosen("split", PARTS, lambda column: squeezed(column) in PARTS[:3] or self._holds_parts(column))

    @cached_property
    def fold(self) -> str | None:
        """The column with the clip's fold."""
        return self._chosen("fold", FOLDS, lambda column: True)

    @cached_property
    def taken(self) -> set[str]:
        """Columns that are something else than labels."""
        named = {column for column in (self.group, self.split, self.fold) if column}
        words = {*IDS, *GROUPS, *FOLDS, *PATHS, "title", "name", "index", "unnamed:0"}
        return named | {column for column in self._table.columns if squeezed(column) in words} - set(self._labels)

    @cached_property
    def id(self) -> str | None:
        """The column with the clip's own name."""
        return next((column for word in IDS for column in self._table.columns if squeezed(column) == word), None)

    def group_of(self, row: Row) -> str | None:
        """The clip's group in the spelling that its first clip has."""
        if self.group is None or not row[self.group]:
            return None
        return self._group_names[folded(row[self.group])]

    def split_of(self, row: Row) -> str | None:
        """The part that the table prescribes for a clip."""
        value = row[self.split] if self.split else ""
        if value and squeezed(value) not in PART_WORDS:
            raise LabelError(
                f"{self._table.path} has the split '{value}' for {row[PATH]}",
                expected="train, val or test",
                fix="correct the cell, or name another column in data.source.split ('' for none)",
            )
        _ = self._part_words  # refuses words that may mean two things
        return PART_WORDS[squeezed(value)] if value else None

    def fold_of(self, row: Row) -> int | None:
        """The fold that the table prescribes for a clip."""
        value = row[self.fold] if self.fold else ""
        number = _FOLD.fullmatch(value)
        if value and number is None:
            raise LabelError(
                f"{self._table.path} has the fold '{value}' for {row[PATH]}",
                expected="a whole number from 0",
                fix="correct the cell, or name another column in data.source.fold ('' for none)",
            )
        return int(number[1]) if number else None

    @cached_property
    def parts(self) -> Counter[str | None]:
        """Clips by the part that the table prescribes; None of those that it puts into none."""
        return Counter(self.split_of(row) for row in self._table.rows)

    @property
    def likely_group(self) -> str | None:
        """A column that looks as if it said whose clips these are, though it is not taken."""
        words = (*OWNERS, *PIECES)
        near = [c for c in self._table.columns if self._free(c) and any(word in squeezed(c) for word in words)]
        return next((self._table.spelled(column) for column in near if self._groups(column)), None)

    def remarks(self) -> list[str]:
        """What was taken for what, and what looks as if it should have been."""
        taken = [told for told in (self._told_group(), self._told_split(), self._told_fold()) if told]
        first = [f"{self._table.path.name}: {'; '.join(taken)}."] if taken else []
        return [*first, *self._told_left_out(), *self._told_parts(), *self._told_spellings()]

    def _chosen(self, role: str, words: Sequence[str], fits: Callable[[str], bool]) -> str | None:
        given = self._given[role]
        if given is not None:
            return self._table.column(given) if given else None
        found = [column for word in words for column in self._table.columns if squeezed(column) == word]
        return next((column for column in found if column not in self._labels and fits(column)), None)

    def _groups(self, column: str) -> bool:
        """Whether a column keeps some clips together, and not all of them; an artist each is known, too."""
        counts = self._table.counts(column)
        names = {folded(name) for name in counts}
        return len(names) > 1 and (len(names) < counts.total() or squeezed(column).startswith(OWNERS))

    def _free(self, column: str) -> bool:
        return column not in {PATH, self.id, self.group, self.split, self.fold, *self._labels}

    def _holds_parts(self, column: str) -> bool:
        found = {squeezed(value) for value in self._table.distinct(column)}
        return bool(found) and found <= PART_WORDS.keys()

    @cached_property
    def _group_names(self) -> dict[str, str]:
        return dict(first_spellings(row[self.group] for row in self._table.rows)) if self.group else {}

    @cached_property
    def _part_words(self) -> dict[str, str]:
        """The word of the split column for each part.

        Raises:
            LabelError: there are two for one: ``eval`` beside ``test`` may mean either.
        """
        words: dict[str, str] = {}
        for value in self._table.distinct(self.split) if self.split else ():
            part = PART_WORDS.get(squeezed(value))
            other = words.setdefault(part, value) if part else value
            if squeezed(other) != squeezed(value):
                first, second = sorted((other, value))
                raise LabelError(
                    f"{self._table.path} has both '{first}' and '{second}' in the column '{self.split}'",
                    expected="one word for each of train, val and test",
                    fix=f"write train, val or test; each of these two words may mean {part}",
                )
        return words

    def _told_group(self) -> str | None:
        if self.group is None:
            return None
        counts = self._table.counts(self.group)
        names, total = len(self._group_names) - ("" in self._group_names), len(self._table.rows)
        lacking = f", {total - counts.total()} clips have none" if counts.total() < total else ""
        unique = ", different in every row, so it groups nothing" if names == counts.total() else ""
        return f"group={self._table.spelled(self.group)} ({names} of {total} clips{unique}{lacking})"

    def _told_split(self) -> str | None:
        if self.split is None:
            return None
        counts = [f"{part} {self.parts[part]}" for part in (*SPLITS, None) if self.parts[part]]
        return f"split={self._table.spelled(self.split)} ({', '.join(counts).replace('None', 'no part')})"

    def _told_fold(self) -> str | None:
        if self.fold is None:
            return None
        folds = sorted({number for row in self._table.rows if (number := self.fold_of(row)) is not None})
        span = f"{len(folds)} of them, {folds[0]} to {folds[-1]}; data.fold=NUMBER tests on one" if folds else "empty"
        return f"fold={self._table.spelled(self.fold)} ({span})"

    def _told_left_out(self) -> list[str]:
        """Columns that look like a role, by their name or by what they hold."""
        found = []
        for column in filter(self._free, self._table.columns):
            name = self._table.spelled(column)
            if self._given["split"] is None and self.split is None and self._holds_parts(column):
                found.append(f"'{name}' looks like a split and is not taken as one: data.source.split={name}.")
            elif self._given["group"] is None and self.group is None and squeezed(column) in GROUPS:
                kind = {0: "empty", 1: "the same"}.get(len(self._table.distinct(column)), "different")
                found.append(f"'{name}' is {kind} in every row and groups nothing; it is not taken as the group.")
        return found

    def _told_parts(self) -> list[str]:
        if self.split is None:
            return []
        instead = {"test": "test clips are chosen at random from the others", "train": "there is nothing to train on"}
        left = {"train": self.parts["train"] + self.parts[None], "test": self.parts["test"]}
        name = self._table.spelled(self.split)
        told = [f"'{name}' names no {part} part: {instead[part]}." for part, count in left.items() if not count]
        if self.parts[None] and set(self.parts) != {None}:
            told.append(f"{self.parts[None]} clips without a cell in '{name}' are trained on.")
        return told

    def _told_spellings(self) -> list[str]:
        alike = respelled(sorted(self._table.distinct(self.group))) if self.group else {}
        if not alike:
            return []
        first = ", ".join(f"'{name}'" for name in next(iter(alike.values())))
        return [f"{len(alike)} groups are spelled in several ways and are one each (first: {first})."]
