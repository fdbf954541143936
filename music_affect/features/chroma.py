"""Chromagrams from a constant-Q transform, equal to ``librosa.feature.chroma_cqt`` within float32 rounding.

Each octave is the one above at half the rate, so all seven share one set of filters: it is built once for each tuning
and kept. The filters cover a narrow band of the spectrum, which makes their product with it a small dense one.

Reference:
    Schörkhuber, Klapuri, "Constant-Q transform toolbox for music processing", SMC 2010.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import librosa
import numpy as np
import scipy
from numpy.typing import NDArray

from music_affect.features.spectrogram import Floats

NUM_CHROMA = 12
BINS_PER_OCTAVE = 36
LOWEST_RATE = 8500  # samples a second; below it the highest filter passes half the sample rate

_OCTAVES = 7
_BINS = _OCTAVES * BINS_PER_OCTAVE
_HIGHEST_SHARED_RATE = 32000  # above it librosa halves the rate before the first octave


class _Filters(NamedTuple):
    """Filters of one octave: spectral bins [first, end), weights complex64 [bins, 36], norms float32 [252, 1]."""

    n_fft: int
    first: int
    weights: NDArray[np.complex64]
    norms: Floats


def chromagram(audio: Floats, sample_rate: int, hop_length: int, tuning: float) -> Floats:
    """Energy of the twelve pitch classes over seven octaves from C1, each frame's maximum scaled to 1.

    Args:
        audio: mono, float32 [samples].
        sample_rate: samples a second.
        hop_length: samples between frames.
        tuning: of the clip, in bins of 36 to the octave.

    Returns:
        float32 [12, T] with T = 1 + samples // hop_length.
    """
    halves = hop_length % 2 ** (_OCTAVES - 1) == 0
    if not halves or sample_rate > _HIGHEST_SHARED_RATE:
        slow: Floats = librosa.feature.chroma_cqt(y=audio, sr=sample_rate, hop_length=hop_length, tuning=tuning)
        return slow
    constant_q = _constant_q(audio, hop_length, _filters(sample_rate, tuning))
    classes = librosa.filters.cq_to_chroma(_BINS, bins_per_octave=BINS_PER_OCTAVE, n_chroma=NUM_CHROMA)
    chroma: Floats = librosa.util.normalize(classes @ constant_q, norm=np.inf, axis=0)
    return chroma


def _constant_q(audio: Floats, hop_length: int, filters: _Filters) -> Floats:
    """Magnitudes from the lowest bin to the highest, float32 [252, T]."""
    num_frames = 1 + len(audio) // hop_length
    octaves = []
    for octave in range(_OCTAVES):
        if octave:
            audio = librosa.resample(audio, orig_sr=2, target_sr=1, res_type="soxr_hq", scale=True)
        response = _response(audio, hop_length >> octave, filters)[:num_frames]
        octaves.append(np.abs(response) * np.float32(2 ** (octave / 2)))
    magnitudes: Floats = np.divide(np.concatenate([rows.T for rows in reversed(octaves)]), filters.norms)
    return magnitudes


def _response(audio: Floats, hop_length: int, filters: _Filters) -> NDArray[np.complex64]:
    """One octave of the transform, complex64 [T, 36]."""
    padded = np.pad(audio, filters.n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, filters.n_fft)[::hop_length]
    spectrum = scipy.fft.rfft(frames, axis=-1)
    response: NDArray[np.complex64] = (
        spectrum[:, filters.first : filters.first + len(filters.weights)] @ filters.weights
    )
    return response


@lru_cache(maxsize=128)  # librosa's estimate takes one of 101 values
def _filters(sample_rate: int, tuning: float) -> _Filters:
    lowest = librosa.note_to_hz("C1") * 2.0 ** (tuning / BINS_PER_OCTAVE)
    frequencies = librosa.cqt_frequencies(_BINS, fmin=lowest, bins_per_octave=BINS_PER_OCTAVE)
    lengths, _ = librosa.filters.wavelet_lengths(freqs=frequencies, sr=sample_rate)
    wavelets, top_lengths = librosa.filters.wavelet(freqs=frequencies[-BINS_PER_OCTAVE:], sr=sample_rate)
    n_fft = wavelets.shape[1]
    scaled = wavelets * (top_lengths[:, np.newaxis] / n_fft)
    # Without the weakest hundredth of each filter, as librosa defines the transform.
    sparse = librosa.util.sparsify_rows(scipy.fft.fft(scaled)[:, : n_fft // 2 + 1], quantile=0.01, dtype=np.complex64)
    first, end = sparse.indices.min(), sparse.indices.max() + 1
    weights = np.ascontiguousarray(sparse.toarray()[:, first:end].T)
    return _Filters(n_fft, int(first), weights, np.sqrt(lengths)[:, np.newaxis].astype(np.float32))
