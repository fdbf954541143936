"""Telling the audio formats that libsndfile does not read by their first bytes."""

from __future__ import annotations

from pathlib import Path

_MAGIC = (  # offset, bytes, name
    (4, b"ftyp", "MPEG-4"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska"),
    (0, b"\x0b\x77", "AC-3"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
    (0, b"TTA1", "True Audio"),
    (0, b"MPCK", "Musepack 8"),
    (0, b"MP+", "Musepack"),
    (0, b"#!AMR", "AMR"),
    (0, b"ADIF", "AAC"),
)
_DEMUXERS = {  # of FFmpeg, by name
    "MPEG-4": "mov",
    "Windows Media": "asf",
    "Matroska": "matroska",
    "AC-3": "ac3",
    "Monkey's Audio": "ape",
    "WavPack": "wv",
    "True Audio": "tta",
    "Musepack 8": "mpc8",
    "Musepack": "mpc",
    "AMR": "amr",
    "AAC": "aac",
    "flac of unknown length": "flac",
}
_WITHOUT_LENGTH = ("AAC", "AC-3", "AMR", "flac of unknown length")


def foreign_format(path: Path) -> str:
    """Name of the format of a file where libsndfile does not read it, else an empty string.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as stream:
        head = stream.read(32)
        if head[:3] == b"ID3" and len(head) >= 10:
            a, b, c, d = head[6:10]
            stream.seek(10 + (((a & 127) << 7 | b & 127) << 7 | c & 127) * 128 + (d & 127))
            head = stream.read(32)
        for offset, magic, name in _MAGIC:
            if head[offset : offset + len(magic)] == magic:
                return name
        # A flac file written to a pipe: the 36 bits of its total are zero, which libsndfile cannot work with.
        if head[:4] == b"fLaC" and len(head) >= 26 and int.from_bytes(head[21:26], "big") & (1 << 36) - 1 == 0:
            return "flac of unknown length"
        if _is_adts(head):  # two frames in a row, since random bytes look like one too often
            stream.seek(stream.tell() - len(head) + _adts_length(head))
            return "AAC" if _is_adts(stream.read(7)) else ""
    return ""


def demuxer(name: str) -> str:
    """FFmpeg's name for the container of a format."""
    return _DEMUXERS[name]


def stores_length(name: str) -> bool:
    """Whether the headers of a foreign format tell how long a file is."""
    return name not in _WITHOUT_LENGTH


def _is_adts(head: bytes) -> bool:
    """Whether bytes are the header of an AAC frame: the synchronisation word of mp3 with a layer of 0."""
    return len(head) >= 7 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0 and _adts_length(head) > 7


def _adts_length(head: bytes) -> int:
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
