"""What a mel spectrogram tells beyond its moments: timbre, rhythm, and how peaked the spectrum is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from music_affect.features.clip_statistics.moments import autocorrelation, changes, modulation, moments, skewness

Array = NDArray[np.float32]

COEFFICIENTS = 40
GROUPS = 16
LAGS = 128  # frames; at 43 a second down to 20 beats a minute
_MODULATED = 12  # the first cepstral coefficients carry the broad shape, whose movement is heard


def mel_statistics(mel: Array) -> Array:
    """Cepstrum, modulation spectrum, onsets and contrast of a mel spectrogram.

    Args:
        mel: dB, float32 [T, F].

    Returns:
        Statistics, float32 [D]; D depends on F alone.
    """
    cepstrum = dct(mel, norm="ortho", axis=1)[:, :COEFFICIENTS]
    bounds = np.linspace(0, mel.shape[1], min(GROUPS, mel.shape[1]) + 1).astype(int)
    groups = (np.add.reduceat(mel, bounds[:-1], axis=1) / np.diff(bounds)).astype(np.float32)
    return np.concatenate(
        [
            cepstrum.mean(axis=0),
            cepstrum.std(axis=0),
            changes(cepstrum).std(axis=0),
            modulation(groups).ravel(),
            modulation(cepstrum[:, :_MODULATED]).ravel(),
            _onsets(mel, groups),
            _contrast(mel, bounds),
        ]
    )


def _onsets(mel: Array, groups: Array) -> Array:
    """Rising energy: moments of its sum over the bands and their autocorrelation (the pulse), then by group."""
    strength = np.maximum(changes(mel), 0).mean(axis=1)
    by_group = np.maximum(changes(groups), 0)
    return np.concatenate(
        [
            moments(strength[:, None]),
            autocorrelation(strength, LAGS),
            by_group.mean(axis=0),
            by_group.std(axis=0),
            skewness(by_group),
        ]
    )


def _contrast(mel: Array, bounds: NDArray[np.int64]) -> Array:
    """Loudest minus faintest band of each group: wide over tones, narrow over noise."""
    contrast = np.maximum.reduceat(mel, bounds[:-1], axis=1) - np.minimum.reduceat(mel, bounds[:-1], axis=1)
    return np.concatenate([contrast.mean(axis=0), contrast.std(axis=0), changes(contrast).std(axis=0)])
