"""Files that libsndfile reads: wav, aiff, au, caf, w64, flac, ogg, opus, mp3 and more."""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import soundfile

from music_affect.contracts.errors import NOT_AUDIO, ClipError
from music_affect.features.audio.content import other_content
from music_affect.features.audio.mpeg import LEFT_OUT, SILENT_FRAMES, MpegFrames, find_frames, length_tag
from music_affect.features.audio.truncation import missing_end
from music_affect.features.spectrogram import Floats

if TYPE_CHECKING:
    from typing_extensions import Buffer  # a part of Python from 3.12 on

_BLOCK = 1 << 19  # samples of all channels read at a time: a long stereo file is never held as a whole
_RATES = (1000, 768_000)  # a header with another rate is damaged; resampling from it would fill the memory
_RUN_UP = 1 << 15  # samples decoded and dropped after a jump: ogg and mp3 frames lean on those before them
_UNKNOWN = (1, 7)  # codes for a format that is not recognised; the words that go with 7 are of a missing file
_LAST = 256  # samples at the end that are read to see whether they are there
_MPEG_SLACK = 2 * 1152  # samples: encoders disagree whether the frame of the tag and the padding count


class SteadyFile(soundfile.SoundFile):  # type: ignore[misc]
    """An open file of soundfile, which goes on reading where it is.

    soundfile jumps to where it is after each read. An mp3 file then loses what its next frames take from those
    before them, which at low bit rates is audible.

    Attributes:
        steady: it is being read on, and does not jump.
    """

    steady = False

    def seekable(self) -> bool:
        """Whether it jumps."""
        return not self.steady and bool(super().seekable())


@dataclass(frozen=True)
class SoundFile:
    """An open file.

    Args:
        file: of the library.
        skipped: samples before the first one that counts.
        slack: samples at the end that may be announced without being there.
    """

    file: SteadyFile
    skipped: int = 0
    slack: int = 0

    @property
    def rate(self) -> int:
        """Samples a second."""
        return int(self.file.samplerate)

    @property
    def length(self) -> int:
        """Samples, as announced."""
        return max(0, int(self.file.frames) - self.skipped)

    def check_end(self) -> None:
        """See whether the last samples are there, without decoding what is before them.

        Raises:
            ClipError: ``truncated``.
        """
        self.file.steady = False
        if self.file.seekable() and self.length:
            last = max(0, self.length - self.slack - _LAST)
            self.read(last, self.length)

    def read(self, start: int, stop: int) -> Floats:
        """Samples from ``start`` to before ``stop``, mixed to mono: float32 [samples].

        Raises:
            ClipError: ``truncated``.
        """
        blocks, read, stopped = [np.zeros(0, np.float32)], 0, ""
        try:
            for block in self.blocks(start, stop):
                blocks.append(block.T.mean(axis=0))
                read += len(block)
        except RuntimeError as error:
            stopped = f" ({error})"
        slack = self.slack if stop == self.length else 0
        if stopped or read < stop - start - slack:
            raise ClipError("truncated", f"{start + read} of {self.length} announced frames{stopped}")
        return np.concatenate(blocks)

    def blocks(self, start: int, stop: int) -> Iterator[Floats]:
        """Blocks [samples, channels]; what cannot be skipped is decoded and dropped."""
        size = max(1, _BLOCK // self.file.channels)
        self.file.steady = False
        position = max(0, self.skipped + start - _RUN_UP) if self.file.seekable() else 0
        if self.file.seekable() and position != self.file.tell():
            self.file.seek(position)
        self.file.steady = True
        while position < self.skipped + stop:
            wanted = min(size, self.skipped + stop - position)
            block = self.file.read(wanted, dtype="float32", always_2d=True)
            if len(block) == 0:
                return
            before = max(0, self.skipped + start - position)
            position += len(block)
            if before < len(block):
                yield block[before:]


@contextmanager
def open_sound(path: Path) -> Iterator[SoundFile]:
    """Opens a file and looks for damage that its headers show.

    Raises:
        ClipError: ``unreadable`` or ``truncated``.
    """
    with path.open("rb") as stream, _open(path, stream) as file:
        if file.format == "RAW" or not _RATES[0] <= file.samplerate <= _RATES[1]:
            raise ClipError("unreadable", f"no audio header ({file.format} at {file.samplerate} Hz)")
        frames = _mpeg_frames(path) if file.format == "MP3" else None
        missing = frames.missing if frames else missing_end(path, file.format)
        if missing:
            raise ClipError("truncated", missing)
        if frames is None:
            yield SoundFile(file)
        elif frames.counted_by_decoders or frames.layer != 3 or not frames.starts:
            yield SoundFile(file, slack=_MPEG_SLACK)
        else:
            with SteadyFile(Spliced(length_tag(frames), stream, frames.starts[0], frames.end)) as tagged:
                yield SoundFile(tagged, skipped=SILENT_FRAMES * frames.samples - LEFT_OUT, slack=_MPEG_SLACK)


class Spliced(io.RawIOBase):
    """Part of a file behind other bytes, for reading.

    Args:
        head: what comes first.
        stream: the file, open.
        start: first byte of the part.
        stop: the byte after its last.
    """

    def __init__(self, head: bytes, stream: BinaryIO, start: int, stop: int) -> None:
        self.head, self.stream, self.start = head, stream, start
        self.size = len(head) + stop - start
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        size = max(0, min(len(view), self.size - self.position))
        content = self.head[self.position : self.position + size]
        if len(content) < size:
            self.stream.seek(self.start + self.position + len(content) - len(self.head))
            content += self.stream.read(size - len(content))
        view[: len(content)] = content
        self.position += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.size}[whence]
        self.position = max(0, origin + offset)
        return self.position

    def tell(self) -> int:
        return self.position


def _open(path: Path, stream: BinaryIO) -> SteadyFile:
    """The file by its name, since some formats are found by their extension only, or else by its content alone."""
    try:
        try:
            return SteadyFile(os.fsencode(path))
        except TypeError:  # the extension .raw, which has no header to tell the rate
            return SteadyFile(os.dup(stream.fileno()))
    except soundfile.LibsndfileError as error:
        if error.code not in _UNKNOWN:
            raise ClipError("unreadable", str(error)) from error
        other = other_content(path)
        detail = other or f"no audio that libsndfile knows; it begins with the bytes {_first_bytes(path)}"
        raise ClipError(NOT_AUDIO if other else "unreadable", detail) from error


def _first_bytes(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(8).hex(" ")


def _mpeg_frames(path: Path) -> MpegFrames | None:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return find_frames(data)
