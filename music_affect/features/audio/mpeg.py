"""The frames of an mp3 file, counted without decoding.

An mp3 file is a row of frames of 1152 (or 576) samples without a header of its own. Only the optional tag in the
first frame (Xing, Info or VBRI) tells how many there are; without it decoders guess from the first bit rate, and so
does mutagen: 5.3 s for a file of 30 s with a variable rate.

Reference:
    ISO/IEC 11172-3 and 13818-3, section 2.4 (frame headers); the layout of the tags is that of LAME and Fraunhofer.
"""

from __future__ import annotations

import re
import struct
from array import array
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from mmap import mmap

Data = bytes | mmap

SILENT_FRAMES = 8  # that `length_tag` puts first; mpg123's rounding repeats every eight frames
LEFT_OUT = 529  # samples that decoders drop at the start of a file with a tag: the delay of the synthesis filters

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version bits, in Hz
_KILOBITS = {  # by (version is 1, layer), for the indices 1 to 14
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SYNC = re.compile(rb"\xff[\xe2-\xff]")
_KIND = 0xFE0C  # bits of the second and third byte that all frames of a file share: version, layer and rate
_LEADING_JUNK = 1 << 20  # bytes before the first frame


@dataclass(frozen=True)
class MpegFrames:
    """Where the frames of a file lie.

    Args:
        starts: first byte of each whole frame that holds sound, in order; the tag's own frame is not among them.
        end: the byte after the last frame.
        header: the first four bytes of the first frame.
        samples: of a frame.
        announced: frames by the tag, or None.
        counted_by_decoders: whether the tag is one that mpg123 understands.
        missing: what is missing at the end, or an empty string.
    """

    starts: array[int]
    end: int
    header: bytes
    samples: int
    announced: int | None
    counted_by_decoders: bool
    missing: str

    @property
    def layer(self) -> int:
        """1, 2 or 3."""
        return 4 - (self.header[1] >> 1 & 3)


def find_frames(data: Data) -> MpegFrames | None:
    """The frames of an mp3 file, or None where there are none or their length cannot be known (free format).

    Args:
        data: the whole file; a memory map serves as well.
    """
    stop = len(data) - 128 if data[-128:-125] == b"TAG" else len(data)
    first = _next_frame(data, _after_id3(data), stop, None)
    if first is None or first > _after_id3(data) + _LEADING_JUNK:
        return None
    starts, end, cut = _walk(data, first, stop)
    header, length = data[first : first + 4], _lengths()[_word(data, first)]
    announced, size, known = _tag(data[first : first + length])
    if announced is not None and starts:
        del starts[0]
    missing = f"the last of {len(starts) + 1} frames is incomplete" if cut else ""
    # Some encoders count the frame of the tag too; the bytes tell then whether one is missing.
    if announced is not None and (len(starts) < announced - 1 or (len(starts) < announced and stop - first < size)):
        missing = f"{len(starts)} of {announced} announced frames"
    return MpegFrames(starts, end, header, samples_a_frame(header), announced, known, missing)


def samples_a_frame(header: bytes) -> int:
    """How many samples each frame gives, from the first four bytes of one."""
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    return 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152


def length_tag(frames: MpegFrames) -> bytes:
    """Frames to put before those of a file: a tag that tells decoders how many there are, and silence.

    Decoders drop the first ``LEFT_OUT`` samples of a file with a tag; the ``SILENT_FRAMES`` are there to lose them.
    """
    version_1, mono = frames.header[1] >> 3 & 3 == 3, frames.header[3] >> 6 == 3
    side_information = {(True, False): 32, (True, True): 17, (False, False): 17, (False, True): 9}[version_1, mono]
    # No checksum, and a bit rate at which the tag fits into the frame.
    header = bytes([0xFF, frames.header[1] | 1, frames.header[2] & 0x0C | 0x90, frames.header[3]])
    length = _lengths()[header[1] << 8 | header[2]]
    size = frames.end - frames.starts[0] + (1 + SILENT_FRAMES) * length
    tag = struct.pack(">4sIII", b"Info", 3, SILENT_FRAMES + len(frames.starts), size)
    return (header + bytes(side_information) + tag).ljust(length, b"\0") + SILENT_FRAMES * header.ljust(length, b"\0")


@lru_cache(maxsize=1)
def _lengths() -> dict[int, int]:
    """Bytes of a frame by the second and third byte of its header; invalid and free-format headers are left out."""
    lengths = {}
    for (version, rates), layer, crc, index in product(_RATES.items(), (1, 2, 3), (0, 1), range(14)):
        for (rate_index, rate), padding, private in product(enumerate(rates), (0, 1), (0, 1)):
            second = 0xE0 | version << 3 | (4 - layer) << 1 | crc
            third = (index + 1) << 4 | rate_index << 2 | padding << 1 | private
            bits = 1000 * _KILOBITS[version == 3, layer][index]
            slot = 12 * bits // rate if layer == 1 else (72 if layer == 3 and version != 3 else 144) * bits // rate
            lengths[second << 8 | third] = 4 * (slot + padding) if layer == 1 else slot + padding
    return lengths


def _word(data: Data, position: int) -> int:
    return data[position + 1] << 8 | data[position + 2]


def _after_id3(data: Data) -> int:
    """First byte after the ID3 tags at the start, whose size is written in digits to the base 128."""
    position = 0
    while data[position : position + 3] == b"ID3" and len(data) >= position + 10:
        a, b, c, d = data[position + 6 : position + 10]
        footer = 10 if data[position + 5] & 0x10 else 0
        position += 10 + (((a & 127) << 7 | b & 127) << 7 | c & 127) * 128 + (d & 127) + footer
    return position


def _next_frame(data: Data, position: int, stop: int, kind: int | None) -> int | None:
    """First byte of the next frame that is followed by another of its kind or by the end."""
    lengths = _lengths()
    for match in _SYNC.finditer(data, position, stop):
        start = match.start()
        length = lengths.get(_word(data, start)) if start + 4 <= stop else None
        if length is None or (kind is not None and _word(data, start) & _KIND != kind):
            continue
        after = start + length
        if after == stop:
            return start
        if after + 4 <= stop and data[after] == 0xFF and (_word(data, after) ^ _word(data, start)) & _KIND == 0:
            return start
    return None


def _walk(data: Data, first: int, stop: int) -> tuple[array[int], int, bool]:
    """Starts of all whole frames, the end of the last one, and whether one was cut."""
    lengths, kind = _lengths(), _word(data, first) & _KIND
    starts, end, position = array("Q"), first, first
    while position + 4 <= stop:
        word = _word(data, position)
        if data[position] == 0xFF and word & _KIND == kind and word in lengths:
            end = position + lengths[word]
            if end > stop:
                return starts, position, True
            starts.append(position)
            position = end
        elif (found := _next_frame(data, position, stop, kind)) is not None:
            position = found
        else:
            return starts, end, False
    left = data[position:stop]
    return starts, end, left != b"" and data[first : first + len(left)] == left


def _tag(frame: bytes) -> tuple[int | None, int, bool]:
    """Number of frames and bytes by the tag in the first frame, and whether mpg123 understands it."""
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        size, count = struct.unpack(">II", frame[46:54])
        return count, size, False
    match = re.search(rb"Xing|Info", frame[: 4 + 32 + 2 + 4])
    if match is None or len(frame) < match.end() + 12:
        return None, 0, False
    flags, count, size = struct.unpack(">III", frame[match.end() : match.end() + 12])
    if not flags & 1:
        return None, 0, False
    return count, size if flags & 2 else 0, True
