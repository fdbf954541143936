"""What a file is that is no audio, by its first bytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from music_affect.contracts.errors import NOT_AUDIO, ClipError

_HEAD = 512  # bytes that are looked at
_SHOWN = 40  # letters of a text that are shown
_BEGINNINGS = (
    (b"version https://git-lfs", "a pointer of Git LFS; `git lfs pull` fetches the file"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"MThd", "a MIDI file: notes without their sound"),
)


def require_file(status: os.stat_result) -> None:
    """Refuses what is no file; opening a pipe would wait for whoever writes to it.

    Raises:
        ClipError: ``not audio``.
    """
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        raise ClipError(NOT_AUDIO, f"{kind}, not a file")


def other_content(path: Path) -> str:
    """What a file holds that no decoder takes for audio; an empty string where its first bytes do not tell.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    if not head.strip(b"\0"):
        return "it begins with zero bytes only, as after a broken download"
    text = _text(head)
    return f"it begins with {text}" if text else ""


def _text(head: bytes) -> str:
    """The beginning of the first line with letters, where the bytes are text; else an empty string."""
    codec = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = head.decode(codec, "ignore")
    whole = len(text.encode(codec)) >= len(head) - 8  # a letter may be cut at the end; more that is dropped is no text
    printable = all(letter.isprintable() or letter.isspace() for letter in text)
    return text.strip().split("\n", 1)[0][:_SHOWN].strip() if whole and printable else ""
