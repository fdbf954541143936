"""The beat variant: librosa's percussive part, its beats, and the median of the frames between them."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from music_affect.features.beat import beat_frames, fixed_frames, nearest_frames, pool
from music_affect.features.extractor import AudioExtractor
from music_affect.features.percussive import percussive

RATE = 22050
HOP = 512


def song(bpm: float = 110.0, seconds: float = 8.0) -> np.ndarray:
    """Clicks over a held chord and noise, float32 [samples]."""
    rng = np.random.default_rng(11)
    time = np.arange(int(seconds * RATE)) / RATE
    audio = 0.01 * rng.standard_normal(len(time))
    for frequency in (220.0, 277.2, 329.6):
        audio += 0.1 * np.sin(2 * np.pi * frequency * time)
    audio += 0.6 * np.exp(-(time % (60 / bpm)) * 60) * rng.standard_normal(len(time))
    return audio.astype(np.float32)


def percussive_of(audio: np.ndarray) -> np.ndarray:
    spectrum = librosa.stft(audio, n_fft=2048, hop_length=HOP)
    return percussive(spectrum, np.abs(spectrum), HOP, len(audio))


def reference(audio: np.ndarray) -> np.ndarray:
    """The definition, [beats, 140]."""
    power = librosa.feature.melspectrogram(y=audio, sr=RATE, n_fft=2048, hop_length=HOP, n_mels=128, power=2.0)
    chroma = librosa.feature.chroma_cqt(y=audio, sr=RATE, hop_length=HOP)
    _, frames = librosa.beat.beat_track(y=librosa.effects.hpss(audio)[1], sr=RATE, hop_length=HOP)
    mel = librosa.power_to_db(librosa.util.sync(power, frames, aggregate=np.median), ref=np.max)
    return np.vstack([mel, librosa.util.sync(chroma, frames, aggregate=np.median)]).T


@pytest.mark.parametrize("bpm", [75.0, 110.0, 163.0])
def test_percussive_part_and_beats_equal_librosa(bpm):
    audio = song(bpm)
    expected = librosa.effects.hpss(audio)[1]
    np.testing.assert_array_equal(percussive_of(audio), expected)
    beats = beat_frames(percussive_of(audio), RATE, HOP)
    assert len(beats) > 5
    np.testing.assert_array_equal(beats, librosa.beat.beat_track(y=expected, sr=RATE, hop_length=HOP)[1])


@pytest.mark.parametrize("bpm", [75.0, 110.0, 163.0])
def test_features_equal_librosa(bpm):
    ours, expected = AudioExtractor(beat=True).extract(song(bpm)), reference(song(bpm))
    assert ours.dtype == np.float32
    assert len(ours) == len(expected)
    np.testing.assert_allclose(ours[:, :128], expected[:, :128], rtol=0, atol=0.01)
    np.testing.assert_allclose(ours[:, 128:140], expected[:, 128:], rtol=0, atol=1e-4)


def test_beats_follow_the_clicks():
    beats = beat_frames(percussive_of(song(bpm=120)), RATE, HOP)
    np.testing.assert_allclose(np.diff(beats) * HOP / RATE, 0.5, atol=0.05)


def test_median_is_taken_before_the_decibels():
    frames = np.array([[1.0, 100.0, 1000.0, 10.0, 30.0]], np.float32)
    np.testing.assert_array_equal(pool(frames, np.array([3])), [[100.0, 20.0]])


@pytest.mark.parametrize("borders", [[0, 7, 8, 50], [5], [3, 9, 30, 49]])
def test_pool_is_bit_identical_to_librosa(borders):
    frames = np.random.default_rng(4).exponential(size=(20, 50)).astype(np.float32)
    expected = librosa.util.sync(frames, borders, aggregate=np.median)
    np.testing.assert_array_equal(pool(frames, np.array(borders, np.int64)), expected)


def test_times_become_the_nearest_frames_of_the_clip():
    every = np.arange(1300)
    np.testing.assert_array_equal(nearest_frames(every / (RATE / HOP), RATE / HOP, 1300), every)
    np.testing.assert_array_equal(nearest_frames(np.array([-1.0, 0.24, 0.26, 0.31, 4.0]), 10.0, 40), [2, 3])


def test_clip_without_beats_is_pooled_over_half_seconds():
    audio = np.zeros(4 * RATE, np.float32)
    assert len(beat_frames(audio, RATE, HOP)) == 0
    features = AudioExtractor(beat=True).extract(audio)
    assert features.shape == (8, 141)  # 173 frames in windows of 22
    assert np.isfinite(features).all()


def test_fixed_windows_cover_short_clips():
    np.testing.assert_array_equal(fixed_frames(50, frame_rate=43.0), [0, 22, 44])
    np.testing.assert_array_equal(fixed_frames(10, frame_rate=43.0), [0])
    assert pool(np.ones((3, 10), np.float32), fixed_frames(10, 43.0)).shape == (3, 1)


def test_same_signal_same_features():
    extractor = AudioExtractor(beat=True)
    np.testing.assert_array_equal(extractor.extract(song()), extractor.extract(song()))
