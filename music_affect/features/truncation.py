"""Finding files that end too early.

libsndfile shortens the announced length of a cut wav or ogg file to what is there, so a count of the samples shows
nothing; the container itself has to be asked. Of an mp3 file, only a Xing or Info tag tells the true length: without
one the announced length is a guess from the bit rate.

Reference:
    RFC 3533, "The Ogg encapsulation format", section 6.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

MPEG_SLACK = 2 * 1152  # samples: encoders disagree whether the frame of the tag and the padding count

_STREAMED = 0x7FFF0000  # programs that write to a pipe put a size near 2**31 or 2**32 into a wav header
_LARGEST_OGG_PAGE = 27 + 255 + 255 * 255
_END_OF_STREAM = 0x04
_TAG_SEARCH = 4096  # bytes after an ID3 tag in which the first MPEG frame must start


def missing_end(path: Path, container: str) -> str:
    """What is missing at the end of a file, or an empty string where nothing is, or where it cannot be known.

    Args:
        path: an existing file.
        container: its format in libsndfile's words, e.g. ``WAV``.
    """
    if container in ("WAV", "WAVEX", "AIFF"):
        return _missing_chunk(path)
    if container == "OGG":
        return _missing_page(path)
    return ""


def announces_length(path: Path, container: str) -> bool:
    """True where the number of samples that libsndfile announces was written by the encoder, not estimated."""
    if container != "MP3":
        return True
    with path.open("rb") as file:
        start = file.read(10)
        file.seek(10 + _syncsafe(start[6:10]) if start[:3] == b"ID3" else 0)
        head = file.read(_TAG_SEARCH)
    # The tag stands in the first frame; the lowest of its flags says that it holds the number of frames.
    tag = re.search(rb"\xff[\xe0-\xff].{2,40}?(?:Xing|Info)...(.)", head, re.DOTALL)
    return tag is not None and bool(tag[1][0] & 1)


def _syncsafe(digits: bytes) -> int:
    """The size in an ID3 header: four digits to the base 128."""
    size = 0
    for digit in digits:
        size = size * 128 + digit
    return size


def _missing_chunk(path: Path) -> str:
    """Compare the size of the chunk with the samples to what follows its header (RIFF, RIFX and AIFF)."""
    length = path.stat().st_size
    with path.open("rb") as file:
        order = "<" if file.read(12).startswith(b"RIFF") else ">"
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack(f"{order}4sI", header)
            left = length - file.tell()
            if name in (b"data", b"SSND"):
                return f"{left} of {size} bytes of samples" if left < size < _STREAMED else ""
            file.seek(size + size % 2, 1)
    return ""


def _missing_page(path: Path) -> str:
    """Look whether the last Ogg page is whole and marked as the end of the stream."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LARGEST_OGG_PAGE))
        tail = file.read()
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    if len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]):
        return "the last Ogg page is incomplete"
    return "" if page[5] & _END_OF_STREAM else "the last Ogg page is not the end of the stream"
