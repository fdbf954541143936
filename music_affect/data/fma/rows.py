"""Tables whose columns are named by several header rows, as pandas writes them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from operator import itemgetter
from pathlib import Path
from typing import TextIO

from music_affect.contracts.errors import LabelError
from music_affect.data.tables.label_files import readable, refuse_repeated

Column = tuple[str, ...]

_CORNERS = ("track_id", "genre_id")  # what stands above the numbers, in the last row of a header
_MOST_HEADER_ROWS = 4
_LONGEST_CELL = 2**24  # characters; biographies pass the limit of the csv module, an unclosed quote passes this one
_FIX = "unpack fma_metadata.zip again"


def rows(path: Path, columns: Sequence[Column]) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Rows of a table, one after the other: memory stays flat however large it is.

    Args:
        path: of the table.
        columns: whose cells are wanted, each named by its header cells from top to bottom.

    Yields:
        First line of the row (cells may hold line breaks), its number, which stands in the first column, and its cells.

    Raises:
        LabelError: the table is malformed; with the line.
    """
    limit = csv.field_size_limit(_LONGEST_CELL)
    form = "comma-separated UTF-8 text as in fma_metadata.zip"
    numbers: list[int] = []
    try:
        with readable(path, "table", form, _FIX), path.open(newline="", encoding="utf-8-sig") as stream:
            header, body = _header(_numbered(stream, path))
            pick = itemgetter(*(_place(path, header, column) for column in columns))
            for line, row in body:
                if len(row) != len(header):
                    raise malformed(path, line, f"has {len(row)} cells", f"{len(header)}, as the header has")
                numbers.append(whole_number(row[0], path, line))
                yield line, numbers[-1], pick(row)
    finally:
        csv.field_size_limit(limit)
    if not numbers:
        raise LabelError(f"{path} has a header and no rows", expected="rows below it", fix=_FIX)
    refuse_repeated(path, "numbers", map(str, numbers), expected="one row each", fix=_FIX)


def _numbered(stream: TextIO, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, each with the number of its first line."""
    reader, line = csv.reader(stream), 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise malformed(path, line, f"cannot be read ({error})", "cells with closed quotes") from error


def _header(rows: Iterator[tuple[int, list[str]]]) -> tuple[list[Column], Iterator[tuple[int, list[str]]]]:
    """Names of the columns from top to bottom, and the rows after them.

    The last row of a header has ``track_id`` in its corner; a table may do without it.
    """
    header: list[list[str]] = []
    for line, row in rows:
        if row[0].isdecimal():
            rows = chain([(line, row)], rows)
            break
        header.append(row)
        if row[0].strip() in _CORNERS or len(header) == _MOST_HEADER_ROWS:
            break
    columns = zip_longest(*header, fillvalue="")
    return [tuple(cell for cell in map(str.strip, column) if cell) for column in columns], rows


def _place(path: Path, header: Sequence[Column], column: Column) -> int:
    for place, name in enumerate(header):
        if name == column:
            return place
    raise LabelError(f"{path} has no column {' / '.join(column)}", expected="the table as it was published", fix=_FIX)


def whole_number(text: str, path: Path, line: int) -> int:
    """A whole number of at most six digits: the only kind that can become the name of a file."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        raise malformed(path, line, f"has the number '{text[:60]}'", "a whole number of at most six digits")
    return int(text)


def malformed(path: Path, line: int, found: str, expected: str) -> LabelError:
    """The refusal of a line."""
    return LabelError(f"line {line} of {path} {found}", expected=expected, fix=f"correct the line or {_FIX}")
