"""A small spectral fingerprint that copies of a recording share whatever they were encoded with.

Each word of 16 bits says of 16 pairs of neighbouring bands whether their ratio rose or fell within .8 s. Gain,
resampling and lossy coding hardly change these signs; of two different recordings half of them differ.

Reference:
    Haitsma and Kalker, "A highly robust audio fingerprinting system", ISMIR 2002: signs of differences of band
    energies over bands and time. Here the words are fewer and longer, since whole clips are compared, not seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from music_affect.features.audio.recording import Recording

RATE = 5500  # samples a second: what telephone-like copies still hold, too
HOP = 550  # samples from word to word: 10 words a second
MOST_WORDS = 480  # 960 bytes; of longer recordings the middle 49 s are described

_WINDOW = 4400  # samples: so long that copies may start between two hops
_FFT = 8192
_LAG = 8  # hops between the two moments that are compared
_BITS = 16
_LOWEST, _HIGHEST = 150.0, 2500.0  # Hz
_QUIET = 1e-6  # of the loudest window's energy: nothing is heard below, and coders do there as they like
_FLOOR = 1e-9  # keeps empty bands from deciding by rounding errors

Words = NDArray[np.uint16]


def fingerprint(recording: Recording) -> Words:
    """Words of a recording.

    Args:
        recording: of any length and rate.

    Returns:
        uint16 [N], at most ``MOST_WORDS``; 0 where it is quiet. Empty for less than 1.6 s.
    """
    energies = _band_energies(_middle(recording))
    loudness = energies.sum(axis=1)
    if len(energies) <= _LAG or loudness.max() == 0:
        return np.zeros(0, np.uint16)
    levels = np.log(energies / loudness.max() + _FLOOR)
    slopes = np.diff(levels, axis=1)
    rises = slopes[_LAG:] > slopes[:-_LAG]
    words: Words = (rises @ (1 << np.arange(_BITS))).astype(np.uint16)
    loud = loudness > _QUIET * loudness.max()
    words[~(loud[_LAG:] & loud[:-_LAG])] = 0
    return words


def _middle(recording: Recording) -> NDArray[np.float32]:
    """As many samples at ``RATE`` as give the most words, from the middle, with a peak of one."""
    seconds = ((MOST_WORDS + _LAG - 1) * HOP + _WINDOW) / RATE
    surplus = max(0, len(recording.samples) - round(seconds * recording.rate)) // 2
    samples = recording.samples[surplus : len(recording.samples) - surplus]
    peak = float(np.abs(samples).max(initial=0.0))
    # Scaled first: the squares of float files with absurd values would be infinite.
    return Recording(samples / np.float32(peak or 1.0), recording.rate).at(RATE)


def _band_energies(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Energies [windows, bands], a window every ``HOP`` samples."""
    if len(samples) < _WINDOW:
        return np.zeros((0, _BITS + 1))
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::HOP][: MOST_WORDS + _LAG]
    power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW), _FFT)) ** 2
    borders = np.round(np.geomspace(_LOWEST, _HIGHEST, _BITS + 2) * _FFT / RATE).astype(int)
    energies: NDArray[np.float64] = np.add.reduceat(power, borders, axis=1)[:, :-1]
    return energies
