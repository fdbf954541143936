"""The percussive part is, bit for bit, what librosa computes."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from music_affect.features.percussive import invert, masked, percussive
from music_affect.features.spectrogram import mel_power, transform

RATE = 22050


def clicks(samples: int = 5 * RATE + 77) -> np.ndarray:
    """Clicks over a held tone, noise, and a silent stretch, float32 [samples]."""
    time = np.arange(samples) / RATE
    rng = np.random.default_rng(2)
    audio = 0.1 * np.sin(2 * np.pi * 330 * time) + 0.5 * np.exp(-(time % 0.4) * 60) * rng.standard_normal(samples)
    audio[samples // 2 : samples // 2 + RATE] = 0
    return audio.astype(np.float32)


@pytest.mark.parametrize("samples", [5 * RATE + 77, RATE, 700])
def test_percussive_part_equals_librosa(samples):
    audio = clicks(samples)
    spectrum = transform(audio, 2048, 512)
    found = percussive(spectrum, np.abs(spectrum), 512, samples)
    if samples > 16 * 512:  # below, scipy's median, which librosa uses, misreads the mirrored edge
        np.testing.assert_array_equal(found, librosa.effects.hpss(audio)[1])
    assert found.shape == (samples,)
    assert np.isfinite(found).all()


def test_mask_equals_librosa():
    rng = np.random.default_rng(1)
    kept, other, magnitude = (rng.exponential(size=(60, 70)).astype(np.float32) for _ in range(3))
    kept[:30], other[15:45] = 0, 0
    spectrum = (magnitude * np.exp(2j * np.pi * rng.random((60, 70)))).astype(np.complex64)
    spectrum[40:50, :9] = 0
    magnitude = np.abs(spectrum)
    mask = librosa.util.softmask(kept, other, power=2.0, split_zeros=True)
    expected = (magnitude * mask) * librosa.magphase(spectrum)[1]
    np.testing.assert_array_equal(masked(spectrum, magnitude, kept, other), expected)


@pytest.mark.parametrize(
    ("n_fft", "hop", "samples"), [(2048, 512, 40000), (1024, 1024, 9000), (512, 100, 5001), (2048, 512, 600)]
)
def test_transform_and_inverse_equal_librosa(n_fft, hop, samples):
    audio = clicks(samples)
    spectrum = transform(audio, n_fft, hop)
    expected = librosa.stft(audio, n_fft=n_fft, hop_length=hop)
    np.testing.assert_array_equal(spectrum, expected)
    inverse = librosa.istft(expected, hop_length=hop, dtype=np.float32, length=samples)
    np.testing.assert_array_equal(invert(spectrum, hop, samples), inverse)


def test_mel_power_equals_librosa():
    audio = clicks()
    found = mel_power(np.abs(transform(audio, 2048, 512)), RATE, 2048, 128)
    np.testing.assert_array_equal(found, librosa.feature.melspectrogram(y=audio, sr=RATE))
