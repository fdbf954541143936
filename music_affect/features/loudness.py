"""Momentary loudness of a clip, frame by frame, from its Fourier transform.

A Hann-windowed frame holds the energy of its samples, so that no second pass over the signal is needed; the filter's
response is taken at the transform's frequencies, which is exact at every sample rate.

Reference:
    Recommendation ITU-R BS.1770-5, Algorithms to measure audio programme loudness and true-peak audio level, 2023.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from music_affect.features.spectrogram import Floats, hann

FLOOR = -70.0  # LUFS; the standard's absolute gate, below which nothing counts
WINDOW = 0.4  # seconds of a momentary loudness

# The two stages of the K-weighting at 48 kHz, as tables 1 and 2 of the recommendation print them.
_RATE = 48000
_STAGES = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621),
)
_OFFSET = -0.691  # dB, so that a sine of 997 Hz at full scale has -3.01 LUFS


def momentary_loudness(magnitude: Floats, samples: int, sample_rate: int, hop_length: int) -> Floats:
    """Loudness of the 0.4 s around each frame, of what of them lies inside the clip.

    The signal is taken as it is, one channel at the level of a file: a stereo file that was mixed to one channel counts
    some 3 LU less than its two channels do.

    Args:
        magnitude: of the Fourier transform with a Hann window and centred frames, float32 [1 + n_fft / 2, T].
        samples: of the clip.
        sample_rate: samples a second.
        hop_length: samples between frames.

    Returns:
        LUFS, -70 and above, float32 [T].
    """
    n_fft, frames = 2 * (len(magnitude) - 1), magnitude.shape[1]
    energy = np.einsum("ft,ft,f->t", magnitude, magnitude, _weights(sample_rate, n_fft)).astype(np.float64)
    inside = np.concatenate([[0.0], np.cumsum(hann(n_fft) ** 2)])
    begins = np.arange(frames) * hop_length - n_fft // 2
    heard = inside[np.clip(samples - begins, 0, n_fft)] - inside[np.clip(-begins, 0, n_fft)]
    half = round(WINDOW * sample_rate / hop_length) // 2
    mean_square = _around(energy, half) / np.maximum(_around(heard, half), 1e-9)
    return np.maximum(lufs(mean_square), FLOOR).astype(np.float32)


def lufs(mean_square: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loudness of K-weighted mean squares of one channel."""
    return _OFFSET + 10 * np.log10(np.maximum(mean_square, 1e-12))


def mean_square(loudness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of ``lufs``."""
    return np.asarray(10 ** ((loudness - _OFFSET) / 10))


def _around(values: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Sum over each value and ``half`` neighbours on either side, of those that there are."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    places = np.arange(len(values))
    return np.asarray(sums[np.minimum(places + half + 1, len(values))] - sums[np.maximum(places - half, 0)])


@lru_cache(maxsize=4)
def _weights(sample_rate: int, n_fft: int) -> Floats:
    """What turns squared magnitudes into the weighted energy of a frame, float32 [1 + n_fft / 2]."""
    from scipy.signal import sosfreqz  # late: most of a second, which processes that only read features do not need

    frequencies = np.minimum(np.fft.rfftfreq(n_fft, 1 / sample_rate), _RATE / 2)
    _, response = sosfreqz(_STAGES, frequencies, fs=_RATE)
    sides = np.full(len(frequencies), 2.0)  # negative frequencies hold as much
    sides[[0, -1]] = 1.0
    return np.asarray(sides * np.abs(response) ** 2 / n_fft, np.float32)
