"""The features equal librosa, called in the obvious way."""

from __future__ import annotations

import pickle
import subprocess
import sys

import librosa
import numpy as np
import pytest
import soundfile

from music_affect.contracts.errors import ConfigurationError
from music_affect.features.chroma import BINS_PER_OCTAVE, chromagram
from music_affect.features.extractor import AudioExtractor
from music_affect.features.tuning import estimate_tuning

RATE = 22050
MEL_TOLERANCE = 0.01  # dB
CHROMA_TOLERANCE = 1e-4


def chords(seconds: float = 6.0, rate: int = RATE, tuning: float = 440.0, bpm: float = 120.0) -> np.ndarray:
    """Two chords in turn, a click on every beat, and noise; float32 [samples]."""
    rng = np.random.default_rng(3)
    time = np.arange(int(seconds * rate)) / rate
    audio = 0.01 * rng.standard_normal(len(time))
    for semitones, first in (((0, 4, 7), True), ((5, 9, 12), False)):
        playing = (time % 2 < 1) == first
        for semitone in semitones:
            audio += 0.1 * playing * np.sin(2 * np.pi * tuning / 2 * 2 ** (semitone / 12) * time)
    since_click = time % (60 / bpm)
    audio += 0.5 * np.exp(-since_click * 80) * rng.standard_normal(len(time))
    return audio.astype(np.float32)


def noise(seconds: float = 5.0) -> np.ndarray:
    return (0.2 * np.random.default_rng(5).standard_normal(int(seconds * RATE))).astype(np.float32)


def half_silent() -> np.ndarray:
    audio = chords()
    audio[len(audio) // 2 :] = 0
    return audio


SIGNALS = {
    "chords": chords(),
    "sharp": chords(tuning=451.0, bpm=97),
    "odd length": chords(seconds=5.01234, tuning=433.0),
    "noise": noise(),
    "half silent": half_silent(),
    "loud": 20 * chords(seconds=5),
}


def reference(audio: np.ndarray, rate: int = RATE, n_fft: int = 2048, hop: int = 512, n_mels: int = 128) -> np.ndarray:
    """The definition, [T, F]."""
    power = librosa.feature.melspectrogram(y=audio, sr=rate, n_fft=n_fft, hop_length=hop, n_mels=n_mels, power=2.0)
    chroma = librosa.feature.chroma_cqt(y=audio, sr=rate, hop_length=hop)
    return np.vstack([librosa.power_to_db(power, ref=np.max), chroma]).T


def assert_equal_features(ours: np.ndarray, expected: np.ndarray, n_mels: int = 128) -> None:
    assert ours.dtype == np.float32
    ours = ours[:, :-1]  # loudness is none of librosa's
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours[:, :n_mels], expected[:, :n_mels], rtol=0, atol=MEL_TOLERANCE)
    np.testing.assert_allclose(ours[:, n_mels:], expected[:, n_mels:], rtol=0, atol=CHROMA_TOLERANCE)


@pytest.mark.parametrize("name", SIGNALS)
def test_features_equal_librosa(name):
    assert_equal_features(AudioExtractor().extract(SIGNALS[name]), reference(SIGNALS[name]))


@pytest.mark.parametrize(
    ("rate", "n_fft", "hop", "n_mels"),
    [
        (22050, 1024, 256, 64),  # the tuning needs frames of its own; the shortest hop of the last octave is 4
        (16000, 2048, 512, 96),
        (22050, 2048, 441, 128),  # a hop that cannot be halved
        (44100, 2048, 512, 128),  # a rate at which librosa halves the signal first
    ],
)
def test_other_settings_equal_librosa(rate, n_fft, hop, n_mels):
    audio = chords(seconds=4, rate=rate)
    extractor = AudioExtractor(sample_rate=rate, n_fft=n_fft, hop_length=hop, n_mels=n_mels)
    assert_equal_features(extractor.extract(audio), reference(audio, rate, n_fft, hop, n_mels), n_mels)


@pytest.mark.parametrize("name", SIGNALS)
def test_tuning_is_exactly_that_of_librosa(name):
    magnitude = np.abs(librosa.stft(SIGNALS[name]))
    ours = estimate_tuning(magnitude, RATE, BINS_PER_OCTAVE)
    assert ours == librosa.estimate_tuning(y=SIGNALS[name], sr=RATE, bins_per_octave=BINS_PER_OCTAVE)


def test_tuning_without_pitches_is_zero():
    assert estimate_tuning(np.zeros((1025, 20), np.float32), RATE, BINS_PER_OCTAVE) == 0.0


@pytest.mark.parametrize("tuning", [-0.5, -0.13, 0.0, 0.31, 0.49])
def test_chroma_at_any_tuning(tuning):
    ours = chromagram(SIGNALS["sharp"], RATE, 512, tuning)
    expected = librosa.feature.chroma_cqt(y=SIGNALS["sharp"], sr=RATE, hop_length=512, tuning=tuning)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=CHROMA_TOLERANCE)


def test_file_to_features(tmp_path):
    path = tmp_path / "stereo.flac"
    left, right = chords(seconds=4, rate=44100), chords(seconds=4, rate=44100, bpm=90)
    soundfile.write(path, np.stack([left, right], axis=1), 44100)
    features = AudioExtractor()(path)
    assert_equal_features(features, reference(librosa.load(path, sr=RATE)[0]))
    np.testing.assert_array_equal(features, AudioExtractor()(path))


def test_layout():
    extractor = AudioExtractor()
    features = extractor.extract(SIGNALS["chords"])
    assert extractor.blocks == {"mel": (0, 128), "chroma": (128, 140), "loudness": (140, 141)}
    assert features.shape == (1 + len(SIGNALS["chords"]) // 512, extractor.num_features)
    assert features.flags["C_CONTIGUOUS"]
    mel, chroma = features[:, :128], features[:, 128:140]
    assert mel.max() == 0
    assert mel.min() >= -80
    assert chroma.min() >= 0
    assert chroma.max() == pytest.approx(1)
    assert extractor.frame_rate == pytest.approx(43.066, abs=1e-3)
    assert AudioExtractor(beat=True).frame_rate is None


def test_settings_tell_everything_that_changes_the_numbers():
    settings = AudioExtractor().settings()
    assert settings == {
        "extractor": "AudioExtractor",
        "version": 3,
        "sample_rate": 22050,
        "n_fft": 2048,
        "hop_length": 512,
        "n_mels": 128,
        "beat": False,
        "min_seconds": 1.0,
    }
    assert AudioExtractor(beat=True).settings() != settings


def test_extractor_travels_to_worker_processes():
    extractor = AudioExtractor(n_mels=64, beat=True)
    assert pickle.loads(pickle.dumps(extractor)) == extractor


def test_import_leaves_the_compiler_alone():
    code = (
        "import sys, music_affect.features.extractor; print(sorted({'numba', 'torch', 'sklearn'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_mels": 0}, "n_mels=0 for the features; expected a positive number"),
        ({"n_fft": 1023}, "n_fft=1023 for the features; expected an even number"),
        ({"hop_length": 4096}, "hop_length=4096 for the features; expected at most n_fft=2048"),
        ({"sample_rate": 8000}, "sample_rate=8000 for the features; expected at least 8500"),
        ({"min_seconds": 0.0}, "min_seconds=0.0 for the features; expected a positive number"),
    ],
)
def test_settings_without_a_meaning_are_refused(wrong, message):
    with pytest.raises(ConfigurationError, match=message):
        AudioExtractor(**wrong)
