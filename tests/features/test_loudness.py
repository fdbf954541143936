"""Loudness as the standard defines it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import sosfilt

from music_affect.features.clip_statistics.loudness_statistics import integrated_loudness
from music_affect.features.clip_statistics.statistics import LOUDNESS_COPIES, clip_statistics
from music_affect.features.extractor import AudioExtractor
from music_affect.features.loudness import _STAGES, FLOOR, momentary_loudness
from music_affect.features.spectrogram import transform


def sine(frequency: float, seconds: float = 4.0, rate: int = 22050, peak: float = 1.0) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def loudness(audio: np.ndarray, rate: int = 22050, n_fft: int = 2048, hop: int = 512) -> np.ndarray:
    return momentary_loudness(np.abs(transform(audio, n_fft, hop)), len(audio), rate, hop)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000, 96000])
def test_a_sine_of_997_hz_at_full_scale_has_minus_3_lufs(rate: int) -> None:
    """The recommendation's own check, at every rate and at both ends of the clip."""
    np.testing.assert_allclose(loudness(sine(997, rate=rate), rate), -3.01, atol=0.03)


@pytest.mark.parametrize(("n_fft", "hop"), [(2048, 441), (1024, 256), (4096, 1024)])
def test_frames_of_any_size_agree(n_fft: int, hop: int) -> None:
    np.testing.assert_allclose(loudness(sine(997), n_fft=n_fft, hop=hop), -3.01, atol=0.05)


def test_a_gain_moves_loudness_and_no_other_column() -> None:
    audio = 0.05 * sine(440) + 0.05 * sine(3000)
    quiet, loud = (AudioExtractor().extract(gain * audio) for gain in (1, 2))
    np.testing.assert_allclose(quiet[:, :-1], loud[:, :-1], atol=1e-3)
    np.testing.assert_allclose(loud[:, -1] - quiet[:, -1], 6.02, atol=0.01)


def test_loudness_is_that_of_the_filtered_signal() -> None:
    """Beside the same filter run over the samples, at the rate of its published coefficients."""
    noise = (0.1 * np.random.default_rng(0).standard_normal(4 * 48000)).astype(np.float32)
    filtered = sosfilt(_STAGES, noise)
    expected = -0.691 + 10 * np.log10(np.mean(filtered**2))
    assert integrated_loudness(loudness(noise, 48000)) == pytest.approx(expected, abs=0.05)


def test_silence_lies_at_the_floor_and_outside_the_gates() -> None:
    assert (loudness(np.zeros(22050, np.float32)) == FLOOR).all()
    assert integrated_loudness(np.full(5, FLOOR, np.float32)) == FLOOR
    half = np.concatenate([sine(997, 8), np.zeros(8 * 22050, np.float32)])
    assert integrated_loudness(loudness(half)) == pytest.approx(-3.01, abs=0.15)  # but for the one frame in between
    # 20 LU below the loud half: above the absolute gate and below the relative one.
    steps = np.concatenate([np.full(100, -20.0), np.full(100, -40.0)]).astype(np.float32)
    assert integrated_loudness(steps) == pytest.approx(-20.0)


def test_a_beat_has_the_median_of_its_frames() -> None:
    audio = np.concatenate([sine(997, 2), sine(997, 2, peak=0.1)])
    features = AudioExtractor(beat=True).extract(audio)
    assert features.shape[1] == 141
    assert features[0, -1] == pytest.approx(-3.01, abs=0.05)
    assert features[-1, -1] == pytest.approx(-23.01, abs=0.05)


def test_statistics_hold_the_integrated_loudness() -> None:
    frames = np.random.default_rng(0).uniform(-40, -10, (50, 1)).astype(np.float32)
    found = clip_statistics(frames, {"loudness": (0, 1)})
    assert found.shape == (6 + LOUDNESS_COPIES,)
    assert (found[6:] == np.float32(integrated_loudness(frames[:, 0]))).all()
