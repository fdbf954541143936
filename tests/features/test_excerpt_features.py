"""Features of one-second excerpts equal librosa, called for one second at a time."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError, ConfigurationError
from music_affect.features.excerpts import ExcerptExtractor
from music_affect.features.melgram import MelgramExtractor
from music_affect.features.mfcc import MFCCExtractor

RATE = 8000
EXTRACTORS: list[type[ExcerptExtractor]] = [MelgramExtractor, MFCCExtractor]
Floats = NDArray[np.float32]


def sweep(seconds: float, rate: int = RATE) -> Floats:
    """A tone that rises, beside noise that swells; float32 [samples]."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(3).standard_normal(len(time))
    return (0.3 * np.sin(2 * np.pi * (200 + 90 * time) * time) + 0.02 * (1 + time) * noise).astype(np.float32)


def half_silent() -> Floats:
    audio = sweep(4)
    audio[RATE + 100 : 3 * RATE + 50] = 0
    return audio


SIGNALS = {"whole": sweep(3), "a rest": sweep(3.97), "one": sweep(1), "loud": 20 * sweep(2), "silence": half_silent()}


def melgram(second: Floats) -> Floats:
    """The definition, [21, 128]."""
    power = librosa.feature.melspectrogram(y=second, sr=8000, n_fft=400, hop_length=400)
    level: Floats = librosa.power_to_db(power, ref=np.max).T
    return level


def statistics(second: Floats) -> Floats:
    """The definition, [1, 26]."""
    mfcc = librosa.feature.mfcc(y=second, sr=8000, n_mfcc=13, n_fft=400, hop_length=400, center=False)
    assert mfcc.shape == (13, 20)
    return np.concatenate([np.mean(mfcc, axis=1), np.std(mfcc, axis=1)])[np.newaxis]


DEFINITIONS = {MelgramExtractor: melgram, MFCCExtractor: statistics}


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("kind", EXTRACTORS)
def test_every_second_equals_librosa_on_that_second_alone(kind: type[ExcerptExtractor], name: str) -> None:
    audio = SIGNALS[name]
    seconds = [audio[begin : begin + RATE] for begin in range(0, len(audio) - RATE + 1, RATE)]
    expected = np.concatenate([DEFINITIONS[kind](second) for second in seconds])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = kind().extract(audio)
    assert found.dtype == np.float32
    assert found.flags["C_CONTIGUOUS"]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)


def test_other_settings_equal_librosa() -> None:
    audio = sweep(2, rate=16000)
    power = [librosa.feature.melspectrogram(y=y, sr=16000, n_fft=1000, hop_length=1000, n_mels=40)
             for y in np.split(audio, 2)]  # fmt: skip
    expected = np.concatenate([librosa.power_to_db(second, ref=np.max).T for second in power])
    extractor = MelgramExtractor(sample_rate=16000, n_fft=1000, n_mels=40)
    assert extractor.excerpt_frames == 17
    np.testing.assert_allclose(extractor.extract(audio), expected, rtol=0, atol=1e-3)
    mfcc = librosa.feature.mfcc(
        y=audio[:16000], sr=16000, n_mfcc=20, n_fft=500, hop_length=500, n_mels=64, center=False
    )
    found = MFCCExtractor(sample_rate=16000, n_fft=500, n_mels=64, n_mfcc=20).extract(audio)
    assert found.shape == (2, 40)
    np.testing.assert_allclose(found[0, :20], mfcc.mean(axis=1), rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", EXTRACTORS)
def test_file_of_any_rate_to_features(kind: type[ExcerptExtractor], tmp_path: Path) -> None:
    path = tmp_path / "stereo.flac"
    soundfile.write(path, np.stack([sweep(2.9, 44100), sweep(2.9, 44100)[::-1]], axis=1), 44100)
    audio = librosa.load(path, sr=RATE)[0]
    expected = np.concatenate([DEFINITIONS[kind](audio[:RATE]), DEFINITIONS[kind](audio[RATE : 2 * RATE])])
    np.testing.assert_allclose(kind()(path), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100])
def test_exactly_a_second_is_an_excerpt_and_less_is_refused(rate: int, tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, sweep(1, rate), rate)
    assert MelgramExtractor()(path).shape == (21, 128)
    assert MFCCExtractor()(path).shape == (1, 26)
    soundfile.write(path, sweep(1, rate)[:-1], rate)
    with pytest.raises(ClipError, match=r"too short: 1\.00 s, at least 1 s needed"):
        MFCCExtractor()(path)


def test_layout() -> None:
    mel, mfcc = MelgramExtractor(), MFCCExtractor()
    assert (mel.blocks, mel.num_features, mel.excerpt_frames, mel.frame_rate) == ({"mel": (0, 128)}, 128, 21, 21.0)
    assert (mfcc.blocks, mfcc.num_features, mfcc.excerpt_frames, mfcc.frame_rate) == ({"mfcc": (0, 26)}, 26, 1, 1.0)
    levels = mel.extract(SIGNALS["whole"]).reshape(3, 21, 128)
    np.testing.assert_array_equal(levels.max(axis=(1, 2)), 0)  # every second has a maximum of its own
    assert levels.min() >= -80


def test_settings_tell_everything_that_changes_the_numbers() -> None:
    common = {"version": 2, "sample_rate": 8000, "n_fft": 400, "n_mels": 128, "beat": False, "min_seconds": 1.0}
    assert MelgramExtractor().settings() == {"extractor": "MelgramExtractor", **common}
    assert MFCCExtractor().settings() == {"extractor": "MFCCExtractor", **common, "n_mfcc": 13}


@pytest.mark.parametrize("kind", EXTRACTORS)
def test_extractor_travels_to_worker_processes(kind: type[ExcerptExtractor]) -> None:
    extractor = kind(n_mels=64)
    assert pickle.loads(pickle.dumps(extractor)) == extractor


def test_import_leaves_the_compiler_alone() -> None:
    code = "import sys, music_affect.features.mfcc; print(sorted({'numba', 'torch', 'sklearn'} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sample_rate": 0}, "sample_rate=0 for the features; expected a positive number"),
        ({"n_fft": 0}, "n_fft=0 for the features; expected a positive number"),
        ({"n_fft": 512}, "n_fft=512 for the features; expected a divisor of sample_rate=8000"),
        ({"n_mels": -1}, "n_mels=-1 for the features; expected a positive number"),
        ({"n_mfcc": 0}, "n_mfcc=0 for the features; expected from 1 to n_mels=128"),
        ({"n_mfcc": 129}, "n_mfcc=129 for the features; expected from 1 to n_mels=128"),
        ({"min_seconds": 0.5}, r"min_seconds=0\.5 for the features; expected 1 or more"),
        ({"beat": True}, r"one-second excerpts and data\.beat=true; expected data with full-rate frames; choose data"),
    ],
)
def test_settings_without_a_meaning_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        MFCCExtractor(**wrong)
