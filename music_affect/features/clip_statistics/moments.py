"""How a column behaves over the frames of a clip: level, spread, shape, and how fast it moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

QUANTILES = (0.1, 0.9)
MODULATION_BANDS = 12
_MODULATION_FFT = 2048  # zero-padded to at least this, so that every band holds bins however short the clip
_SLOWEST = 1 / 256  # cycles a frame, 6 s at 43 frames a second
_FLOOR = 1e-3  # below this spread a column is constant: rounding must not decide its shape


def moments(frames: Array) -> Array:
    """Mean, spread, skewness, spread of the changes, 10 % and 90 % quantiles of each column: [T, F] to [6 F]."""
    ordered = np.sort(np.ascontiguousarray(frames.T), axis=1)
    last = len(frames) - 1
    quantiles = [ordered[:, round(share * last)] for share in QUANTILES]
    return np.concatenate(
        [frames.mean(axis=0), frames.std(axis=0), skewness(frames), changes(frames).std(axis=0), *quantiles]
    )


def changes(frames: Array) -> Array:
    """Differences of neighbouring frames, [T - 1, F]; one row of zeros where there is a single frame."""
    return np.diff(frames, axis=0) if len(frames) > 1 else np.zeros_like(frames)


def skewness(frames: Array) -> Array:
    """Third standardised moment of each column, 0 for a constant one: [T, F] to [F]."""
    spread = np.maximum(frames.std(axis=0), _FLOOR)
    centred = (frames - frames.mean(axis=0)) / spread
    cubes: Array = (centred * centred * centred).mean(axis=0)
    return cubes


def modulation(frames: Array) -> Array:
    """Log power of each column's movement in ``MODULATION_BANDS`` bands from slow to fast: [T, F] to [bands, F].

    The bands are even on a logarithmic scale, from a cycle in 256 frames to one in two.
    """
    length = max(_MODULATION_FFT, _power_of_two(len(frames)))
    columns = np.ascontiguousarray((frames - frames.mean(axis=0)).T)
    power = np.abs(np.fft.rfft(columns, n=length)) ** 2 / len(frames)
    edges = np.geomspace(_SLOWEST, 0.5, MODULATION_BANDS + 1) * length
    starts = np.round(edges[:-1]).astype(int)
    counts = np.diff(np.append(starts, power.shape[1]))
    in_bands = np.add.reduceat(power, starts, axis=1) / counts
    bands: Array = np.log10(in_bands + 1e-2).T.astype(np.float32)
    return bands


def autocorrelation(curve: Array, lags: int) -> Array:
    """Correlation of a curve [T] with itself 1 … ``lags`` frames later, 0 past its end: [lags]."""
    centred = curve - curve.mean()
    length = _power_of_two(len(curve) + lags)
    products = np.fft.irfft(np.abs(np.fft.rfft(centred, n=length)) ** 2, n=length)[: lags + 1]
    correlation: Array = (products[1:] / max(products[0], _FLOOR)).astype(np.float32)
    correlation[len(curve) - 1 :] = 0  # rounding of the transform
    return correlation


def _power_of_two(length: int) -> int:
    return 1 << (length - 1).bit_length()
