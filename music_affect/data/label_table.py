"""A table of labels as CSV: read once, its columns told apart."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from music_affect.errors import DataNotFoundError, LabelError, did_you_mean

Row = dict[str, str]


class LabelTable:
    """Rows of text cells; an empty cell is a missing value.

    Args:
        path: of the CSV file, UTF-8, with a header line and a ``path`` column.
        needed: columns that have to be there, beside ``path``.
    """

    def __init__(self, path: Path, needed: Sequence[str] = ()) -> None:
        self.path, self._needed = path, ["path", *needed]

    @cached_property
    def rows(self) -> list[Row]:
        """One mapping a clip, from column to text without blanks around it.

        Raises:
            DataNotFoundError: there is no such file.
            LabelError: it is no table, is empty, or lacks a needed column.
        """
        if not self.path.is_file():
            there = "an existing folder without that file" if self.path.parent.is_dir() else "no such folder"
            raise DataNotFoundError(
                f"no table of labels at {self.path} ({there})",
                expected="a folder with audio files and a labels.csv that has a 'path' column",
                fix="set data.root to such a folder, or data.source.labels to the table's name",
            )
        try:
            with self.path.open(newline="", encoding="utf-8-sig") as stream:
                reader = csv.DictReader(stream)
                rows = [{key: (value or "").strip() for key, value in row.items() if key} for row in reader]
                columns = list(reader.fieldnames or [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise LabelError(
                f"{self.path} is not a readable table ({error})",
                expected="comma-separated UTF-8 text with a header line",
                fix="save it again as CSV",
            ) from error
        self._check(columns, rows)
        return rows

    @property
    def columns(self) -> list[str]:
        """Names of all columns, in order."""
        return list(self.rows[0])

    def distinct(self, column: str) -> set[str]:
        """Texts that occur in a column, the empty one left out."""
        return {row[column] for row in self.rows if row[column]}

    def holds_numbers(self, column: str) -> bool:
        """Whether a column holds numbers and empty cells only, and some numbers."""
        cells = self.distinct(column)
        return bool(cells) and all(is_number(cell) for cell in cells)

    def first_text(self, column: str) -> Row | None:
        """The first row whose cell in a column is neither a number nor empty."""
        return next((row for row in self.rows if row[column] and not is_number(row[column])), None)

    def outside(self, column: str, low: float, high: float) -> list[Row]:
        """Rows whose number in a column lies outside a range."""
        return [row for row in self.rows if row[column] and not low <= float(row[column]) <= high]

    def _check(self, columns: list[str], rows: list[Row]) -> None:
        for column in self._needed:
            if column not in columns:
                raise LabelError(
                    f"{self.path} has no column '{column}'{did_you_mean(column, columns)}",
                    expected=f"one of its columns: {', '.join(columns) or 'none, the file is empty'}",
                    fix="rename the column or name another one in the configuration",
                )
        if not rows:
            raise LabelError(
                f"{self.path} has a header and no rows", expected="one row a clip", fix="list the audio files in it"
            )


def is_number(cell: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return float(cell) - float(cell) == 0  # neither NaN nor infinite
    except ValueError:
        return False
