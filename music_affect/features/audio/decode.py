"""Audio files to mono float32 signals; a broken file always becomes a ``ClipError`` that says why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from music_affect.contracts.errors import ClipError, not_read
from music_affect.features.audio.content import require_file
from music_affect.features.audio.foreign import foreign_format
from music_affect.features.audio.libsndfile import open_sound
from music_affect.features.audio.quiet import quiet_decoder
from music_affect.features.audio.recording import Recording
from music_affect.features.audio.selection import Selection
from music_affect.features.audio.silence import require_sound
from music_affect.features.spectrogram import Floats

_WHOLE = Selection()
_LARGEST = 1 << 29  # samples of a window: three hours at 48 kHz, 2 GiB
_LONGEST = 3 * 3600  # seconds of a window: at a low rate, resampling would fill the memory
_LOUDEST = 1e9  # no recording has such samples, and their power overflows


class Sound(Protocol):
    """An open file, whatever reads it."""

    @property
    def rate(self) -> int:
        """Samples a second."""

    @property
    def length(self) -> int:
        """Samples, as announced."""

    def check_end(self) -> None:
        """Refuse a file whose end is not there."""

    def read(self, start: int, stop: int) -> Floats:
        """Samples from ``start`` to before ``stop``, mixed to mono: float32 [samples]."""

    def blocks(self, start: int, stop: int) -> Iterator[Floats]:
        """The same samples before they are mixed, as far as they are there: float32 [samples, channels] each."""


def decode(path: Path, selection: Selection = _WHOLE, min_seconds: float = 1.0) -> list[Recording]:
    """Read the selected part of a file and mix it to mono, with the samples that ``librosa.load`` returns.

    Args:
        path: a file that libsndfile or FFmpeg reads, whatever its extension says.
        selection: the part to use.
        min_seconds: shorter files are refused, as those shorter than the selection's own ``min_seconds`` are.

    Returns:
        A recording a window, in order; samples within -1..1 for integer formats. Silent windows are left out.

    Raises:
        ClipError: ``missing``, ``not audio``, ``unreadable``, ``truncated``, ``empty``, ``not finite``, ``silent``,
            ``too short``, ``too long`` or ``not readable now``.
    """
    try:
        with quiet_decoder(), _open(path) as sound:
            return _recordings(sound, _spans(sound, selection, max(min_seconds, selection.min_seconds)))
    # ValueError: a path with a NUL byte.
    except (OSError, ValueError) as error:
        raise not_read(error) from error


def _open(path: Path) -> AbstractContextManager[Sound]:
    status = path.stat()
    require_file(status)
    if status.st_size == 0:
        raise ClipError("empty", "a file of zero bytes")
    foreign = foreign_format(path)
    from music_affect.features.audio.ffmpeg import open_foreign  # late: FFmpeg's libraries cost memory

    return open_foreign(path, foreign) if foreign else open_sound(path)


def _spans(sound: Sound, selection: Selection, min_seconds: float) -> list[tuple[int, int]]:
    """Where the windows of the selection lie: first sample, and the one after the last."""
    length, rate = sound.length, sound.rate
    if length == 0:
        raise ClipError("empty", "no samples")
    if length / rate < min_seconds:
        raise ClipError("too short", f"{length / rate:.2f} s, at least {min_seconds:g} s needed")
    spans = selection.spans(length, rate)
    longest = max(stop - start for start, stop in spans)
    if longest > min(_LARGEST, _LONGEST * rate):
        limit = f"{longest / rate:.0f} s at {rate} Hz in one piece; use a part of it (position=middle, seconds=30)"
        raise ClipError("too long", limit)
    if spans[-1][1] < length:
        sound.check_end()
    return spans


def _recordings(sound: Sound, spans: list[tuple[int, int]]) -> list[Recording]:
    """The windows with something to hear."""
    # Many channels can overflow in their sum; that is found in the samples.
    with np.errstate(over="ignore", invalid="ignore"):
        windows = [sound.read(start, stop) for start, stop in spans]
    if not any(map(len, windows)):
        raise ClipError("empty", "no samples")
    recordings, silent = [], None
    for (start, stop), window in zip(spans, windows, strict=True):
        _check_samples(window)
        try:
            require_sound(window, sound.rate, partial(sound.blocks, start, stop))
        except ClipError as error:
            silent = error
        else:
            recordings.append(Recording(window, sound.rate))
    if silent is not None and not recordings:
        raise silent
    return recordings


def _check_samples(samples: Floats) -> None:
    if not np.isfinite(samples).all():
        raise ClipError("not finite", "NaN or infinite samples")
    loudest = float(np.abs(samples).max(initial=0))
    if loudest > _LOUDEST:
        raise ClipError("unreadable", f"samples up to {loudest:.0e}, where a recording has 1")
