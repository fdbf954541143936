"""Text that comes from files, for the places where some letters would be more than text.

A name or a class may have been chosen by a stranger. ``on_one_line`` is for terminals and logs, ``is_word`` tells
whether a name may be part of a path, and ``to_cell`` is for tables that a spreadsheet may open.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

LONGEST_WORD = 200  # bytes: the name of a file has 255, and some of them are for what is added to a name
_ACTIVE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control and format letters, half letters, ends of lines
_JOINERS = "\u200c\u200d"  # of the letters of some scripts and of emojis; they move nothing
_FORMULA = re.compile(r"'*\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")
_MARKED = re.compile(r"'+\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")


def portable(name: object) -> str:
    """A name that can be written as UTF-8: bytes of a file name that are none are written as escapes."""
    text = str(name)
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half letters that stand for no byte; JSON can hold them
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def without_controls(text: object) -> str:
    """A text of several lines in which nothing moves a cursor, rings, or turns the direction of reading."""
    return "".join(_shown(letter) if letter not in "\n\t" else letter for letter in portable(text))


def on_one_line(text: object) -> str:
    """A text whose line breaks and control characters are written out as escapes."""
    return "".join(map(_shown, portable(text)))


def is_word(name: object) -> bool:
    """Whether a name is one part of a path on any system, and no way out of a folder."""
    if not isinstance(name, str) or name in ("", ".", "..") or on_one_line(name) != name:
        return False
    parts = {PurePosixPath(name).name, PureWindowsPath(name).name}
    return parts == {name} and len(name.encode()) <= LONGEST_WORD


def to_cell(value: object) -> str:
    """A cell of a table: a number as it is; a text that a spreadsheet would take for a formula begins with ``'``."""
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def from_cell(cell: str) -> str:
    """Inverse of ``to_cell``."""
    return cell[1:] if _MARKED.match(cell) else cell


def _shown(letter: str) -> str:
    if letter in _JOINERS or unicodedata.category(letter) not in _ACTIVE:
        return letter
    return letter.encode("unicode_escape").decode("ascii")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
