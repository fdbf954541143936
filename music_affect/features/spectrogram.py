"""Magnitudes, mel power and decibels, equal to what librosa computes."""

from __future__ import annotations

import librosa
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def transform(audio: Floats, n_fft: int, hop_length: int) -> NDArray[np.complex64]:
    """Short-time Fourier transform with a Hann window and centred frames.

    Args:
        audio: mono, float32 [samples].
        n_fft: samples a frame.
        hop_length: samples between frames.

    Returns:
        complex64 [1 + n_fft / 2, T] with T = 1 + samples // hop_length.
    """
    spectrum: NDArray[np.complex64] = librosa.stft(audio, n_fft=n_fft, hop_length=hop_length)
    return spectrum


def mel_power(magnitude: Floats, sample_rate: int, n_fft: int, n_mels: int) -> Floats:
    """Power in mel bands (Slaney's scale and area normalisation).

    Args:
        magnitude: of the Fourier transform, float32 [1 + n_fft / 2, T].
        sample_rate: samples a second.
        n_fft: samples a frame.
        n_mels: number of bands.

    Returns:
        float32 [n_mels, T].
    """
    power: Floats = librosa.feature.melspectrogram(S=magnitude**2, sr=sample_rate, n_fft=n_fft, n_mels=n_mels)
    return power


def to_decibels(power: Floats) -> Floats:
    """Decibels below the clip's own maximum, cut at -80 dB; any shape."""
    decibels: Floats = librosa.power_to_db(power, ref=np.max)
    return decibels
