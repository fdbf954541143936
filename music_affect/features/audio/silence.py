"""Whether there is anything to hear in a recording: one definition for extraction and audit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError
from music_affect.features.spectrogram import Floats

MOMENTS = 20  # a second
AUDIBLE = 10 ** (-90 / 20)  # of full scale, root mean square: the last bit of 16, below which files hold dither
_TOGETHER = 1000  # moments that are computed at a time, which bounds memory
CANCELLED = 10 ** (-60 / 20)  # of the louder channel: what lossy coding leaves of channels that cancel each other


def levels(samples: Floats, rate: int) -> NDArray[np.float64]:
    """Root mean square of every moment about its own mean, so that a constant offset is no sound.

    Args:
        samples: float32 [samples], or [samples, channels].
        rate: samples a second.

    Returns:
        [moments] or [moments, channels].
    """
    length = max(1, rate // MOMENTS)
    size = length * _TOGETHER
    pieces = [samples[start : start + size] for start in range(0, len(samples), size)]
    return np.concatenate([_levels(piece, length) for piece in pieces])


def _levels(samples: Floats, length: int) -> NDArray[np.float64]:
    starts = np.arange(0, len(samples), length)
    counts = np.diff(np.append(starts, len(samples))).reshape(-1, *[1] * (samples.ndim - 1))
    # In double precision: squares of samples in float files may leave the range of single precision.
    exact = samples.astype(np.float64)
    means = np.add.reduceat(exact, starts) / counts
    squares = np.add.reduceat(np.square(exact), starts) / counts
    found: NDArray[np.float64] = np.sqrt(np.maximum(squares - np.square(means), 0))
    return found


def require_sound(samples: Floats, rate: int, channels: Callable[[], Iterator[Floats]]) -> None:
    """Refuses a recording with nothing to hear.

    Args:
        samples: the mono mix, float32 [samples].
        rate: samples a second.
        channels: reads the same part again as blocks [samples, channels]; asked for quiet recordings only.

    Raises:
        ClipError: ``silent``, with what there is instead of sound.
    """
    seconds = (samples[start : start + rate] for start in range(0, len(samples), rate))
    loudest = 0.0
    for second in seconds:
        loudest = max(loudest, float(levels(second, rate).max()))
        if loudest >= CANCELLED:  # as loud as most music within its first second: no need to look further
            return
    apart = max((float(levels(block, rate).max()) for block in channels()), default=0.0)
    if apart >= AUDIBLE and loudest < CANCELLED * apart:
        raise ClipError("silent", "out of phase: the channels cancel each other in the mono mix")
    if loudest < AUDIBLE:
        raise ClipError("silent", _described(samples, loudest))


def _described(samples: Floats, loudest: float) -> str:
    if not samples.any():
        return "every sample of the mono mix is zero"
    offset = float(np.mean(samples, dtype=np.float64))
    if abs(offset) >= AUDIBLE:
        return f"nothing but a constant offset of {offset:.3g}"
    level = 20 * math.log10(max(loudest, 1e-20))
    return f"its loudest moment has {level:.0f} dB of full scale; sound begins at {20 * math.log10(AUDIBLE):.0f} dB"
