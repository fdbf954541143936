"""A table of labels as CSV: read once, its columns told apart."""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from music_affect.contracts.errors import DataNotFoundError, LabelError, did_you_mean
from music_affect.data.tables.label_files import readable, refuse_repeated
from music_affect.data.tables.spelling import MISSING, folded, squeezed
from music_affect.data.tables.table_text import DELIMITERS, Line, cells_of, read_text

PATH = "path"
PATHS = (
    "path", "filepath", "file", "filename", "relativepath", "audio", "audiopath", "audiofile", "audiofilename",
    "audiofilepath", "clip", "clippath", "fname", "location", "wav", "mp3", "mp3path",
)  # fmt: skip
_DECIMAL_COMMA = re.compile(r"[-+]?\d*(,\d+)?")

Row = dict[str, str]


class _Content(NamedTuple):
    rows: list[Row]
    spelled: Mapping[str, str]
    remarks: list[str]
    blank: Mapping[str, Counter[str]]


class LabelTable:
    """Rows of text cells by the folded names of their columns; an empty cell is a missing value.

    The column of paths goes by the name ``path``, whatever the table calls it.

    Args:
        path: of the CSV file, with a header line and a column of paths.
        needed: columns that have to be there, beside the paths, in any spelling.
        missing: what cells say that say nothing, in any case, beside nothing at all; paths say what they say.
        open_ended: columns that take all further cells of their line, with bars between them, where they are the last.
    """

    def __init__(
        self, path: Path, needed: Sequence[str] = (), missing: Collection[str] = MISSING, open_ended: Sequence[str] = ()
    ) -> None:
        self.path, self._needed = path, needed
        self._open_ended = {squeezed(name) for name in open_ended}
        self._missing = {str(word).strip().casefold() for word in missing}

    @property
    def rows(self) -> list[Row]:
        """One mapping a clip, from column to text without blanks around it.

        Raises:
            DataNotFoundError: there is no such file.
            LabelError: it is no table, is empty, lacks a needed column, or has cells that belong to none.
        """
        return self._content.rows

    @property
    def columns(self) -> list[str]:
        """Folded names of all columns, in order."""
        return list(self._content.spelled)

    def spelled(self, column: str) -> str:
        """A column's name as it stands in the table."""
        return self._content.spelled[column]

    def column(self, name: str) -> str:
        """The column that a person calls so, in any spelling; the folded name where there is none."""
        near = [column for column in self.columns if squeezed(column) == squeezed(name)]
        return folded(name) if folded(name) in self.columns or not near else near[0]

    def remarks(self) -> list[str]:
        """How the file was read, where that is not as everybody would expect."""
        return self._content.remarks

    def said_nothing(self, column: str) -> Counter[str]:
        """Words in a column that were taken as missing."""
        return self._content.blank.get(column, Counter())

    def counts(self, column: str) -> Counter[str]:
        """Texts that occur in a column and how often, the empty one left out."""
        return self._counts[column]

    def distinct(self, column: str) -> set[str]:
        """Texts that occur in a column, the empty one left out."""
        return set(self._counts[column])

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

    @cached_property
    def _counts(self) -> dict[str, Counter[str]]:
        counts = {column: Counter(row[column] for row in self.rows) for column in self.columns}
        for found in counts.values():
            del found[""]
        return counts

    @cached_property
    def _content(self) -> _Content:
        with readable(self.path, "table", "comma-separated UTF-8 text with a header line", "save it again as CSV"):
            self._refuse_absent()
            delimiter, lines = cells_of(read_text(self.path), lambda name: squeezed(name) in PATHS)
            header = next(lines, (1, []))[1]
            names = self._names(header)
            blank: dict[str, Counter[str]] = {}
            rows = [self._row(header, names, line, blank) for line in lines]
        if not rows:
            raise LabelError(
                f"{self.path} has a header and no rows", expected="one row a clip", fix="list the audio files in it"
            )
        remarks = [] if delimiter == "," else [self._separated(delimiter)]
        remarks += [] if delimiter == "," else list(_with_decimal_points(rows, self.path.name))
        return _Content(rows, {name: cell for name, cell in zip(names, header, strict=True) if name}, remarks, blank)

    def _separated(self, delimiter: str) -> str:
        return f"{self.path.name}: {DELIMITERS.get(delimiter, repr(delimiter))} separate its columns."

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

    def _names(self, header: Sequence[str]) -> list[str]:
        """Folded names of the columns, the first that may hold paths as ``path``; those without a name stay so."""
        names = [folded(name) for name in header]
        found = {squeezed(name): place for place, name in reversed([*enumerate(names)])}
        place = next((found[name] for name in PATHS if name in found), None)
        if place is None:
            raise self._lacks(PATH, header)
        names[place] = PATH
        there = {squeezed(name) for name in names}
        for column in self._needed:
            if squeezed(column) not in there | {squeezed(header[place])}:
                raise self._lacks(column, header)
        repeated = "names that differ in more than case, blanks and hyphens"
        refuse_repeated(self.path, "columns", filter(None, names), repeated, "rename or remove a column")
        return names

    def _lacks(self, column: str, header: Sequence[str]) -> LabelError:
        columns = [name for name in header if name]
        return LabelError(
            f"{self.path} has no column '{column}'{did_you_mean(column, columns)}",
            expected=f"one of its columns: {', '.join(columns) or 'none, the file is empty'}",
            fix="rename the column or name another one in the configuration",
        )

    def _row(self, header: Sequence[str], names: Sequence[str], numbered: Line, blank: dict[str, Counter[str]]) -> Row:
        line, cells = numbered
        last = len(header) - 1
        if len(cells) > len(header) and squeezed(names[last]) in self._open_ended:
            cells = [*cells[:last], "|".join(cells[last:])]
        if len(cells) > len(header):
            surplus = ",".join(cells[len(header) :])
            raise LabelError(
                f"line {line} of {self.path} has {len(cells)} cells ('{surplus[:60]}' belongs to no column)",
                expected=f"{len(header)}, as the header has",
                fix='put quotes around the cell that holds a comma, as in "Hello, World"',
            )
        row = dict.fromkeys(filter(None, names), "")
        for name, cell in zip(names, cells, strict=False):  # what is missing at a line's end is empty
            if name != PATH and cell.casefold() in self._missing:
                blank.setdefault(name, Counter())[cell] += 1
            elif name:
                row[name] = cell
        return row


def _with_decimal_points(rows: Sequence[Row], table: str) -> Iterator[str]:
    """Writes decimal commas as points in columns that hold nothing else, and says so."""
    for column in rows[0]:
        cells = [row[column] for row in rows if row[column]]
        commas = next((cell for cell in cells if "," in cell), None)
        if commas is not None and all(_DECIMAL_COMMA.fullmatch(cell) for cell in cells):
            for row in rows:
                row[column] = row[column].replace(",", ".")
            yield f"{table}: '{column}' is written with decimal commas; {commas} is read as {commas.replace(',', '.')}."


def is_number(cell: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return "_" not in cell and float(cell) - float(cell) == 0  # neither NaN nor infinite; 1_000 is Python alone
    except ValueError:
        return False
