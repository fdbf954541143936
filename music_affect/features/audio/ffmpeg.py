"""Files that libsndfile does not read: m4a, aac, wma, ape and others, through PyAV, which brings FFmpeg's libraries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.audio.resampler import AudioResampler

from music_affect.contracts.errors import ClipError
from music_affect.features.audio.foreign import demuxer, stores_length
from music_affect.features.spectrogram import Floats

_SLACK = 0.25  # seconds at the end that may be announced without being there: the encoder's padding
_RATES = (1000, 768_000)
_CHANNELS = 64

av.logging.set_level(av.logging.PANIC)  # FFmpeg's own lines; what ends a file is raised


@dataclass(frozen=True)
class ForeignFile:
    """A file that FFmpeg reads.

    Args:
        path: of the file.
        name: of its format.
        rate: samples a second.
        announced: samples by its header, or None where it does not tell.
    """

    path: Path
    name: str
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
            if sum(map(len, self._decode(seconds))) < self.rate / 2:
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
        position = 0
        for block in self._decode():
            wanted = block[max(0, start - position) : max(0, stop - position)]
            position += len(block)
            if len(wanted):
                yield wanted
            if position >= stop and stop != self.length:
                return

    def _decode(self, after: float = 0.0) -> Iterator[Floats]:
        """Blocks [samples, channels] of the first sound in the file; of those that end ``after`` so many seconds."""
        decoded = 0
        try:
            with _opened(self.path, self.name) as container:
                stream, as_floats = container.streams.audio[0], AudioResampler("fltp")
                if after:
                    container.seek(int(after * av.time_base))
                for frame in container.decode(stream):
                    if after and frame.time is not None and frame.time + frame.samples / frame.sample_rate < after:
                        continue
                    if frame.sample_rate != self.rate:
                        raise ClipError("unreadable", f"{frame.sample_rate} samples a second after {self.rate}")
                    for converted in as_floats.resample(frame):
                        decoded += converted.samples
                        yield cast(Floats, converted.to_ndarray().T)
        except (av.error.FFmpegError, EOFError, ValueError) as error:
            raise ClipError("truncated" if decoded else "unreadable", _reason(error)) from error


@contextmanager
def open_foreign(path: Path, name: str) -> Iterator[ForeignFile]:
    """Asks a file for its rate and length.

    Args:
        path: an existing file.
        name: of its format.

    Raises:
        ClipError: ``unreadable``.
    """
    try:
        with _opened(path, name) as container:
            stream = next(iter(container.streams.audio), None)
            context = stream.codec_context if stream else None
            rate, channels = (context.sample_rate, context.channels) if context else (0, 0)  # without a decoder: none
            duration = container.duration
            if stream is not None and stream.duration:  # pictures beside the sound may last longer
                duration = stream.duration * stream.time_base * av.time_base
    except (av.error.FFmpegError, EOFError, ValueError) as error:
        raise ClipError("unreadable", f"no sound in this {name} file: {_reason(error)}") from error
    if not _RATES[0] <= (rate or 0) <= _RATES[1] or not 0 < channels <= _CHANNELS:
        raise ClipError("unreadable", f"no sound in this {name} file")
    announced = round(duration / av.time_base * rate) if duration and stores_length(name) else None
    yield ForeignFile(path, name, rate, announced)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    """The container: of a known format, through a stream, so that nothing in it leads to another file or address."""
    options = {"protocol_whitelist": "none"}
    with (
        path.open("rb") as stream,
        av.open(stream, format=demuxer(name), metadata_errors="ignore", container_options=options) as container,
    ):
        yield container


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
