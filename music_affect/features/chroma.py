"""Chromagrams from a constant-Q transform, equal to ``librosa.feature.chroma_cqt`` within float32 rounding.

Each octave is the one above at half the rate, so all seven share one set of filters: it is built once for each tuning
and kept. The filters are laid out in time, where an octave is a single matrix product without a Fourier transform.

Reference:
    Schörkhuber, Klapuri, "Constant-Q transform toolbox for music processing", SMC 2010.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import librosa
import numpy as np
import scipy

from music_affect.features.spectrogram import Floats

NUM_CHROMA = 12
BINS_PER_OCTAVE = 36
LOWEST_RATE = 8500  # samples a second; below it the highest filter passes half the sample rate

_OCTAVES = 7
_BINS = _OCTAVES * BINS_PER_OCTAVE
_HIGHEST_SHARED_RATE = 32000  # above it librosa halves the rate before the first octave


class _Filters(NamedTuple):
    """Filters of one octave: real and imaginary parts side by side, float32 [n_fft, 72]; norms float32 [252, 1]."""

    weights: Floats
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
        octaves.append(response * np.float32(2 ** (octave / 2)))
    magnitudes: Floats = np.divide(np.concatenate([rows.T for rows in reversed(octaves)]), filters.norms)
    return magnitudes


def _response(audio: Floats, hop_length: int, filters: _Filters) -> Floats:
    """Magnitudes of one octave, float32 [T, 36]."""
    n_fft = len(filters.weights)
    padded = np.pad(audio, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    parts = frames @ filters.weights
    magnitudes: Floats = np.hypot(parts[:, :BINS_PER_OCTAVE], parts[:, BINS_PER_OCTAVE:])
    return magnitudes


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
    # Transforming a frame and weighting its bins is one sum over its samples: that of the weights' own transform.
    spectral = np.zeros((n_fft, BINS_PER_OCTAVE), np.complex128)
    spectral[: n_fft // 2 + 1] = sparse.toarray().T
    in_time = scipy.fft.fft(spectral, axis=0)
    weights = np.concatenate([in_time.real, in_time.imag], axis=1).astype(np.float32)
    return _Filters(weights, np.sqrt(lengths)[:, np.newaxis].astype(np.float32))
