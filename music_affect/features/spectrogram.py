"""Magnitudes, mel power and decibels, equal to what librosa computes."""

from __future__ import annotations

from functools import lru_cache

import librosa
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def transform(audio: Floats, n_fft: int, hop_length: int) -> NDArray[np.complex64]:
    """Short-time Fourier transform with a Hann window and centred frames, zeros around the clip.

    Args:
        audio: mono, float32 [samples].
        n_fft: samples a frame.
        hop_length: samples between frames.

    Returns:
        complex64 [1 + n_fft / 2, T] with T = 1 + samples // hop_length, one frame after the other in memory.
    """
    spectrum: NDArray[np.complex64] = librosa.stft(audio, n_fft=n_fft, hop_length=hop_length, pad_mode="constant")
    return spectrum


@lru_cache(maxsize=4)
def hann(n_fft: int) -> NDArray[np.float64]:
    """The window of the transform, float64 [n_fft]."""
    window: NDArray[np.float64] = librosa.filters.get_window("hann", n_fft, fftbins=True)
    return window


def mel_power(magnitude: Floats, sample_rate: int, n_fft: int, n_mels: int) -> Floats:
    """Power in mel bands (Slaney's scale and area normalisation), bit for bit ``librosa.feature.melspectrogram``.

    Args:
        magnitude: of the Fourier transform, float32 [1 + n_fft / 2, T].
        sample_rate: samples a second.
        n_fft: samples a frame.
        n_mels: number of bands.

    Returns:
        float32 [n_mels, T].
    """
    bands = mel_bands(sample_rate, n_fft, n_mels)
    power: Floats = np.einsum("...ft,mf->...mt", magnitude**2, bands, optimize=True)  # the order of librosa's sums
    return power


@lru_cache(maxsize=8)
def mel_bands(sample_rate: int, n_fft: int, n_mels: int) -> Floats:
    """Weights of the spectral bins in each band, float32 [n_mels, 1 + n_fft / 2]."""
    bands: Floats = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels)
    return bands


def to_decibels(power: Floats) -> Floats:
    """Decibels below the clip's own maximum, cut at -80 dB; any shape."""
    decibels: Floats = librosa.power_to_db(power, ref=np.max)
    return decibels
