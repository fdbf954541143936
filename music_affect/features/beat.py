"""One row a beat: where the beats are, and the median of the frames between two of them.

Reference:
    Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36(1), 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import librosa
import numpy as np
from numpy.typing import NDArray

from music_affect.features.analysis import Analysis
from music_affect.features.spectrogram import Floats, mel_power, transform

FALLBACK_SECONDS = 0.5  # the length of a beat at 120 beats a minute

_ONSET_FRAMES, _ONSET_BANDS = 2048, 128  # librosa's defaults for the onset strength


class BeatTracker(Protocol):
    """Finds beats; small, hashable and picklable, since it is a setting of the extractor.

    It may use whatever the analysis holds: ``analysis.audio`` (float32 [samples]) and ``analysis.sample_rate`` are
    the plain signal; the percussive part and the spectra are computed on demand and shared.
    """

    def __call__(self, analysis: Analysis) -> NDArray[np.float64]:
        """Times of the beats in seconds from the clip's start, rising, float64 [N]; empty where no beat is found."""
        ...

    def settings(self) -> dict[str, Any]:
        """All that changes the beats, in plain values, the tracker's own name among them."""
        ...


@dataclass(frozen=True)
class LibrosaBeats:
    """``librosa.beat.beat_track`` on the percussive part."""

    def __call__(self, analysis: Analysis) -> NDArray[np.float64]:
        frames = beat_frames(analysis.percussive, analysis.sample_rate, analysis.hop_length)
        return frames.astype(np.float64) / analysis.frame_rate

    def settings(self) -> dict[str, Any]:
        return {"tracker": type(self).__name__}


def beat_frames(percussive: Floats, sample_rate: int, hop_length: int) -> NDArray[np.int64]:
    """Frames of the beats of a percussive signal [samples]; empty where no beat is found."""
    magnitude = np.abs(transform(percussive, _ONSET_FRAMES, hop_length))
    levels = librosa.power_to_db(mel_power(magnitude, sample_rate, _ONSET_FRAMES, _ONSET_BANDS))
    onsets = librosa.onset.onset_strength(S=levels, sr=sample_rate, hop_length=hop_length, aggregate=np.median)
    _, frames = librosa.beat.beat_track(onset_envelope=onsets, sr=sample_rate, hop_length=hop_length)
    return np.asarray(frames, dtype=np.int64)


def nearest_frames(times: NDArray[np.float64], frame_rate: float, num_frames: int) -> NDArray[np.int64]:
    """Frames nearest to times in seconds, without those that lie outside the clip, each once."""
    frames = np.unique(np.rint(np.asarray(times) * frame_rate).astype(np.int64))
    return frames[(frames >= 0) & (frames < num_frames)]


def fixed_frames(num_frames: int, frame_rate: float) -> NDArray[np.int64]:
    """First frames of windows of half a second, for a clip without beats; never empty."""
    step = max(1, round(FALLBACK_SECONDS * frame_rate))
    return np.arange(0, num_frames, step)


def pool(frames: Floats, borders: NDArray[np.int64]) -> Floats:
    """Median over the frames between two borders, before the first and after the last one (``librosa.util.sync``).

    Args:
        frames: mel power or chroma, float32 [rows, T].
        borders: rising frame numbers [N].

    Returns:
        float32 [rows, N + 1], one fewer for each border at 0 or T.
    """
    num_frames = frames.shape[1]
    edges = np.unique(np.concatenate([[0], borders.clip(0, num_frames), [num_frames]]))
    pooled = np.empty((len(frames), len(edges) - 1), np.float32)
    for column, (first, end) in enumerate(pairwise(edges)):
        upper = (end - first) // 2
        lower = (end - first - 1) // 2
        ordered = np.partition(frames[:, first:end], (lower, upper) if lower < upper else upper, axis=1)
        pooled[:, column] = ordered[:, lower] if lower == upper else (ordered[:, lower] + ordered[:, upper]) / 2
    return pooled
