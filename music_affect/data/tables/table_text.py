"""The text of a table: its encoding, what separates its columns, and its lines of cells."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from music_affect.contracts.errors import LabelError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # the first line of files that a spreadsheet shall open

Line = tuple[int, list[str]]


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 where it says so.

    Raises:
        LabelError: it is in none of them.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    codec = next((codec for mark, codec in _MARKS if content.startswith(mark)), "utf-8")
    if codec == "utf-8" and b"\0" in content[:2]:  # UTF-16 of letters, without its mark
        codec = "utf-16-be" if content[0] == 0 else "utf-16-le"
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        shown = content.split(b"\n")[line - 1][:60].decode("cp1252", "replace").strip()
        raise _no_text(path, f"line {line} is no UTF-8; as Windows-1252 it reads '{shown}'", shown) from error
    if not _printable(first := text.split("\n", 1)[0]):
        raise _no_text(path, "", first)
    return text


def _no_text(path: Path, told: str, shown: str) -> LabelError:
    reason = told if told and _printable(shown) else "it holds bytes that are no text, as spreadsheets and archives do"
    return LabelError(
        f"{path} is not a readable table ({reason})",
        expected="comma-separated UTF-8 text with a header line",
        fix="save it again as CSV in UTF-8",
    )


def _printable(text: str) -> bool:
    return not any((letter < " " and not letter.isspace()) or letter == "\ufffd" for letter in text)


def cells_of(text: str, is_path: Callable[[str], bool]) -> tuple[str, Iterator[Line]]:
    """What separates the columns, and the lines that hold something.

    The separator is that of the header: with it there is a column of paths, or else there are the most columns.

    Args:
        text: of the table.
        is_path: whether a column of this name holds the paths of the files.

    Returns:
        The separator; each line's number and cells, without blanks around them and without empty ends.
    """
    declared = _DECLARED.match(text)
    if declared is not None:
        return declared[1], _lines(text[declared.end() :], declared[1], 2)

    def fitness(delimiter: str) -> tuple[bool, int]:
        _, header = next(_lines(text, delimiter, 1, strict=False), (1, []))
        return any(map(is_path, header)), len(header)

    delimiter = max(DELIMITERS, key=fitness)  # the first of the best: the comma, where nothing speaks against it
    return delimiter, _lines(text, delimiter, 1)


def _lines(text: str, delimiter: str, first: int, *, strict: bool = True) -> Iterator[Line]:
    # Strict: a quote that is never closed would swallow the rest of the table.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=strict)
    line = first
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield line, cells
            line = reader.line_num + first
    except csv.Error as error:
        raise csv.Error(f"line {line}: {error}; see its quotes") from error
