"""What a chromagram tells whatever key the music is in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from music_affect.features.clip_statistics.moments import changes

Array = NDArray[np.float32]


def chroma_statistics(chroma: Array) -> Array:
    """Figures that a transposition leaves as they are.

    Pitch classes are sorted by strength, turned so that the strongest comes first, or taken through a Fourier
    transform around the circle, whose magnitudes do not know where the circle starts.

    Args:
        chroma: strength of each pitch class, 0 … 1, float32 [T, F], F = 12.

    Returns:
        Statistics, float32 [D]; D depends on F alone.
    """
    mean, spread, motion = chroma.mean(axis=0), chroma.std(axis=0), np.abs(changes(chroma)).mean(axis=0)
    turn = -int(mean.argmax())
    sorted_frames = np.sort(chroma, axis=1)
    spectra = np.abs(np.fft.rfft(chroma, axis=1))
    figures = [
        np.sort(mean),
        np.sort(spread),
        *(np.roll(figure, turn) for figure in (mean, spread, motion)),
        np.abs(np.fft.rfft(mean)),
        sorted_frames.mean(axis=0),
        sorted_frames.std(axis=0),
        spectra.mean(axis=0),
        spectra.std(axis=0),
        _entropy(chroma),
        _intervals(chroma - mean),
    ]
    return np.concatenate(figures).astype(np.float32)


def _entropy(chroma: Array) -> Array:
    """Mean and spread over frames of how evenly the pitch classes sound: [2]."""
    shares = chroma / np.maximum(chroma.sum(axis=1, keepdims=True), 1e-6)
    entropy = -(shares * np.log(np.maximum(shares, 1e-6))).sum(axis=1)
    return np.array([entropy.mean(), entropy.std()], np.float32)


def _intervals(centred: Array) -> Array:
    """Covariance of pitch classes 0, 1, … half an octave apart, averaged around the circle: [F // 2 + 1]."""
    size = centred.shape[1]
    covariance = centred.T @ centred / len(centred)
    classes = np.arange(size)
    return np.array([covariance[classes, (classes + step) % size].mean() for step in range(size // 2 + 1)])
