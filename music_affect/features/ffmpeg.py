"""Files that only the program ``ffmpeg`` reads: m4a, aac, wma, ape and others, where it is installed."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Timer
from typing import IO

import numpy as np

from music_affect.errors import NEEDS_FFMPEG, ClipError
from music_affect.features.foreign import stores_length
from music_affect.features.spectrogram import Floats

_TIMEOUT = 600  # seconds for one window: decoding runs a hundred times faster than the music
_BLOCK = 1 << 21  # bytes read at a time
_SLACK = 0.25  # seconds at the end that may be announced without being there: the encoder's padding
_RATES = (1000, 768_000)
_DURATION = re.compile(r"^  Duration: (\d+):(\d+):(\d+\.\d+)", re.MULTILINE)
_AUDIO = re.compile(r"^  Stream #0.*: Audio: .*?, (\d+) Hz", re.MULTILINE)
# Only local files: a playlist or a reference inside a file must not make anyone read or fetch another one.
_INPUT = ("-nostdin", "-hide_banner", "-protocol_whitelist", "file,pipe")


@dataclass(frozen=True)
class ForeignFile:
    """A file that ffmpeg reads.

    Args:
        program: the executable.
        path: of the file.
        rate: samples a second.
        announced: samples by its header, or None where it does not tell.
    """

    program: str
    path: Path
    rate: int
    announced: int | None

    @cached_property
    def length(self) -> int:
        """Samples; counted by decoding where the header does not tell."""
        return self.announced if self.announced is not None else sum(map(len, self._decode()))

    def check_end(self) -> None:
        """See whether the last second is there, unless it was decoded to count the samples.

        Raises:
            ClipError: ``truncated`` or ``unreadable``.
        """
        if self.announced is not None:
            seconds = max(0.0, self.announced / self.rate - 1 - _SLACK)
            if sum(map(len, self._decode("-ss", f"{seconds:.3f}"))) < self.rate / 2:
                raise ClipError("truncated", f"nothing at {seconds:.1f} s, though the header announces more")

    def read(self, start: int, stop: int) -> Floats:
        """Samples from ``start`` to before ``stop``, mixed to mono: float32 [samples].

        Decoded from the file's start: after a jump, m4a and wma files go on at another sample than the one asked for.

        Raises:
            ClipError: ``truncated`` or ``unreadable``.
        """
        parts = [np.zeros(0, np.float32), *(block.T.mean(axis=0) for block in self.blocks(start, stop))]
        samples = np.concatenate(parts)
        slack = _SLACK * self.rate if stop == self.length and self.announced is not None else 0
        if len(samples) < stop - start - slack:
            raise ClipError("truncated", f"{start + len(samples)} of {self.length} announced frames")
        return samples

    def blocks(self, start: int, stop: int) -> Iterator[Floats]:
        """Blocks [samples, channels] from ``start`` to before ``stop``, as far as they are there."""
        until = () if stop == self.length else ("-t", f"{stop / self.rate + 1:.3f}")
        position = 0
        for block in self._decode(*until):
            wanted = block[max(0, start - position) : max(0, stop - position)]
            position += len(block)
            if len(wanted):
                yield wanted

    def _decode(self, *part: str) -> Iterator[Floats]:
        """Blocks [samples, channels]; ``au`` is raw samples behind a header that tells the number of channels."""
        command = [self.program, *_INPUT, "-v", "error", *part, "-i", f"file:{self.path}"]
        command += ["-map", "0:a:0", "-ar", str(self.rate), "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
        with tempfile.TemporaryFile() as messages:
            with subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages
            ) as process:
                watch = Timer(_TIMEOUT, process.kill)
                watch.start()
                decoded = 0
                try:
                    assert process.stdout is not None  # for the type checker: it is a pipe
                    for block in _blocks(process.stdout):
                        decoded += len(block)
                        yield block
                    process.wait()
                finally:
                    watch.cancel()
            message = _first_line(messages)
            if process.returncode or message:
                detail = message or f"ffmpeg ended with {process.returncode}"
                raise ClipError("truncated" if decoded else "unreadable", detail)


@contextmanager
def open_foreign(path: Path, name: str) -> Iterator[ForeignFile]:
    """Finds the program, and asks it for rate and length.

    Args:
        path: an existing file.
        name: of its format.

    Raises:
        ClipError: ``needs ffmpeg`` or ``unreadable``.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        fix = "install ffmpeg and see that it is on the PATH, or convert the file to flac"
        raise ClipError(NEEDS_FFMPEG, f"{name}, which libsndfile does not read; {fix}")
    text = _describe(program, path)
    rate = _AUDIO.search(text)
    if rate is None or not _RATES[0] <= int(rate[1]) <= _RATES[1]:
        raise ClipError("unreadable", f"ffmpeg finds no sound in this {name} file: {text.strip()[-200:]}")
    duration = _DURATION.findall(text)
    announced = None
    if duration and stores_length(name):
        hours, minutes, seconds = duration[-1]  # the last one: a file's name may hold the words too
        announced = round((3600 * int(hours) + 60 * int(minutes) + float(seconds)) * int(rate[1]))
    yield ForeignFile(program, path, int(rate[1]), announced)


def _describe(program: str, path: Path) -> str:
    """What ffmpeg says about a file; it always complains that nothing is to be done with it."""
    command = [program, *_INPUT, "-i", f"file:{path}"]
    try:
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise ClipError("unreadable", f"no answer from ffmpeg within {_TIMEOUT} s") from error
    return answer.stderr.decode(errors="replace")


def _blocks(stream: IO[bytes]) -> Iterator[Floats]:
    """Samples of an ``au`` stream of 32-bit floats, [samples, channels]."""
    header = stream.read(24)
    if len(header) < 24:
        return
    offset, channels = struct.unpack(">4xI12xI", header)
    stream.read(offset - 24)
    size = 4 * channels * max(1, _BLOCK // (4 * channels))
    while block := stream.read(size):
        samples = np.frombuffer(block[: len(block) // (4 * channels) * 4 * channels], ">f4").astype(np.float32)
        yield samples.reshape(-1, channels)


def _first_line(messages: IO[bytes]) -> str:
    messages.seek(0)
    lines = messages.read(2000).decode(errors="replace").strip().splitlines()
    return lines[0] if lines else ""
