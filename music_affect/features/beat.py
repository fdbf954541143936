"""One row a beat: where the beats are, and the median of the frames between two of them.

Reference:
    Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36(1), 2007.
"""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray

from music_affect.features.spectrogram import Floats

FALLBACK_SECONDS = 0.5  # the length of a beat at 120 beats a minute


def beat_frames(percussive: Floats, sample_rate: int, hop_length: int) -> NDArray[np.int64]:
    """Frames of the beats of a percussive signal [samples]; empty where no beat is found."""
    _, frames = librosa.beat.beat_track(y=percussive, sr=sample_rate, hop_length=hop_length)
    return np.asarray(frames, dtype=np.int64)


def fixed_frames(num_frames: int, frame_rate: float) -> NDArray[np.int64]:
    """First frames of windows of half a second, for a clip without beats; never empty."""
    step = max(1, round(FALLBACK_SECONDS * frame_rate))
    return np.arange(0, num_frames, step)


def pool(frames: Floats, borders: NDArray[np.int64]) -> Floats:
    """Median over the frames between two borders, before the first and after the last one.

    Args:
        frames: mel power or chroma, float32 [rows, T].
        borders: rising frame numbers [N].

    Returns:
        float32 [rows, N + 1], one fewer for each border at 0 or T.
    """
    pooled: Floats = librosa.util.sync(frames, borders.tolist(), aggregate=np.median)
    return pooled
