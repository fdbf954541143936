"""A table of labels as CSV: read once, its columns told apart."""

from __future__ import annotations

import csv
import stat
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TextIO

from music_affect.data.label_files import readable, refuse_repeated
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
            LabelError: it is no table, is empty, lacks a needed column, or has cells that belong to none.
        """
        with readable(self.path, "table", "comma-separated UTF-8 text with a header line", "save it again as CSV"):
            self._refuse_absent()
            with self.path.open(newline="", encoding="utf-8-sig") as stream:
                lines = _filled(stream)
                header = next(lines, (1, []))[1]
                self._check([name for name in header if name])
                rows = [self._row(header, line, cells) for line, cells in lines]
        if not rows:
            raise LabelError(
                f"{self.path} has a header and no rows", expected="one row a clip", fix="list the audio files in it"
            )
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

    def _refuse_absent(self) -> None:
        try:
            kind = self.path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError) as error:
            there = "an existing folder without that file" if self.path.parent.is_dir() else "no such folder"
            raise DataNotFoundError(
                f"no table of labels at {self.path} ({there})",
                expected="a folder with audio files and a labels.csv that has a 'path' column",
                fix="set data.root to such a folder, or data.source.labels to the table's name",
            ) from error
        if not stat.S_ISREG(kind):
            raise LabelError(
                f"{self.path} is {'a folder' if stat.S_ISDIR(kind) else 'no file'}",
                expected="a table of labels under that name",
                fix="rename it, or set data.source.labels to the table's name, or to null for audio without labels",
            )

    def _row(self, header: list[str], line: int, cells: list[str]) -> Row:
        if len(cells) > len(header):
            surplus = ",".join(cells[len(header) :])
            raise LabelError(
                f"line {line} of {self.path} has {len(cells)} cells ('{surplus[:60]}' belongs to no column)",
                expected=f"{len(header)}, as the header has",
                fix='put quotes around the cell that holds a comma, as in "Hello, World"',
            )
        filled = cells + [""] * (len(header) - len(cells))
        return {name: cell for name, cell in zip(header, filled, strict=True) if name}

    def _check(self, columns: list[str]) -> None:
        for column in self._needed:
            if column not in columns:
                raise LabelError(
                    f"{self.path} has no column '{column}'{did_you_mean(column, columns)}",
                    expected=f"one of its columns: {', '.join(columns) or 'none, the file is empty'}",
                    fix="rename the column or name another one in the configuration",
                )
        refuse_repeated(self.path, "columns", columns, "names that are all different", "rename or remove a column")


def _filled(stream: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, each with the number of its first line: cells without blanks around, no empty ends."""
    reader, line = csv.reader(stream), 1
    for row in reader:
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield line, cells
        line = reader.line_num + 1


def is_number(cell: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return float(cell) - float(cell) == 0  # neither NaN nor infinite
    except ValueError:
        return False
