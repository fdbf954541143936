"""Finding files that end too early.

libsndfile shortens the announced length of a cut wav or ogg file to what is there, so a count of the samples shows
nothing; the container itself has to be asked. ``mpeg`` does so for mp3 files; a cut flac file is found by reading it.
Nobody can know of an mp3 file without a tag that it was cut exactly between two frames, nor of a stream whose header
was written before its length was known.

Reference:
    RFC 3533, "The Ogg encapsulation format", section 6.
"""

from __future__ import annotations

import struct
from pathlib import Path

_STREAMED = 0x7FFF0000  # programs that write to a pipe put a size near 2**31 or 2**32 into a wav header
_LARGEST_OGG_PAGE = 27 + 255 + 255 * 255
_END_OF_STREAM = 0x04
_LONGEST_HEADER = 1 << 16


def missing_end(path: Path, container: str) -> str:
    """What is missing at the end of a file, or an empty string where nothing is, or where it cannot be known.

    Args:
        path: an existing file.
        container: its format in libsndfile's words, e.g. ``WAV``.
    """
    if container in ("WAV", "WAVEX", "AIFF"):
        return _missing_chunk(path)
    if container in ("AU", "CAF", "RF64", "W64"):
        return _missing_samples(path, container)
    if container == "OGG":
        return _missing_page(path)
    return ""


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


def _missing_samples(path: Path, container: str) -> str:
    """Compare the size of the samples to what follows their header, in the formats with 32 or 64 bits for it."""
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    sizes, data = head.find(b"ds64"), head.find(b"data")
    if container == "AU":
        start, size = struct.unpack(">II" if head[:4] == b".snd" else "<II", head[4:12])
    elif data < 0 or len(head) < data + 24 or (container == "RF64" and sizes < 0):
        return ""
    elif container == "CAF":
        start, size = data + 12, struct.unpack_from(">Q", head, data + 4)[0]
    elif container == "RF64":
        start, size = data + 8, struct.unpack_from("<Q", head, sizes + 16)[0]
    else:  # the size of a W64 chunk counts its own header of 16 letters and 8 digits too
        start, size = data + 24, struct.unpack_from("<Q", head, data + 16)[0] - 24
    left = path.stat().st_size - start
    unknown = size <= 0 or size == 0xFFFFFFFF or size >= 1 << 62
    return f"{left} of {size} bytes of samples" if left < size and not unknown else ""


def _missing_page(path: Path) -> str:
    """Look whether the last Ogg page is whole and marked as the end of the stream."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LARGEST_OGG_PAGE))
        tail = file.read()
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    if len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]):
        return "the last Ogg page is incomplete"
    return "" if page[5] & _END_OF_STREAM else "the last Ogg page is not the end of the stream"
