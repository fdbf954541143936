"""Names of clips and files as text that any table, terminal and file can take."""

from __future__ import annotations


def portable(name: object) -> str:
    """A name that can be written as UTF-8: bytes of a file name that are none are written as escapes."""
    return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def on_one_line(name: object) -> str:
    """A portable name whose line breaks and control characters are written out as escapes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in portable(name)
    )
