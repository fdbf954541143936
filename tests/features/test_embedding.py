"""Log-mel spectrograms for trained networks, and what a network says of their patches."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile

from music_affect.contracts.errors import ClipError, ConfigurationError
from music_affect.features.audio.selection import Selection
from music_affect.features.embedding import EmbeddingExtractor, in_patches
from music_affect.features.extraction import Extraction, Features
from music_affect.features.log_mel import LogMelExtractor

RATE = 16000


@dataclass(frozen=True)
class Counting:
    """A network that gives the number of a patch's frames, and its mean in each band."""

    factor: float = 1.0

    @property
    def widths(self) -> Mapping[str, int]:
        return {"frames": 1, "means": 96}

    def settings(self) -> dict[str, Any]:
        return {"factor": self.factor}

    def prepare(self) -> None:
        raise ClipError("prepared", "")

    def __call__(self, patches: np.ndarray) -> np.ndarray:
        frames = np.full((len(patches), 1), patches.shape[1], np.float32)
        return np.concatenate([frames, patches.mean(axis=1)], axis=1)


def noise(seconds: float, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


def test_levels_are_those_of_librosa() -> None:
    audio = noise(2.0, level=0.5)
    power = librosa.feature.melspectrogram(y=audio, sr=RATE, n_fft=512, hop_length=256, n_mels=96).T
    exact = np.log10(10000 * power + 1)
    found = LogMelExtractor(rounded=False).extract(audio)
    assert found.shape == (126, 96)
    np.testing.assert_allclose(found, exact, atol=1e-6)
    rounded = np.log10(10000 * power.astype(np.float16).astype(np.float64) + 1)
    np.testing.assert_allclose(LogMelExtractor().extract(audio), rounded, atol=1e-6)


def test_what_is_too_loud_for_half_precision_is_still_a_number() -> None:
    found = LogMelExtractor().extract(np.sin(np.arange(RATE) / 20).astype(np.float32) * 100)
    assert found.max() == pytest.approx(np.log10(10000 * 65504 + 1))


def test_the_natural_logarithm() -> None:
    audio = noise(1.0)
    power = librosa.feature.melspectrogram(y=audio, sr=RATE, n_fft=512, hop_length=160, n_mels=64)
    settings: dict[str, Any] = {"hop_length": 160, "n_mels": 64, "scale": 1.0, "offset": 0.01, "rounded": False}
    found = LogMelExtractor(logarithm="ln", **settings).extract(audio)
    np.testing.assert_allclose(found.T, np.log(power + 0.01), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"beat": True}, r"data\.beat=true; expected data with full-rate frames"),
        ({"logarithm": "log"}, "logarithm=log for the features; expected log10 or ln, did you mean"),
        ({"offset": 0.0}, "offset=0.0 for the features; expected a positive number"),
        ({"hop_length": 513}, "hop_length=513 for the features; expected at most n_fft=512"),
    ],
)
def test_settings_without_a_meaning(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        LogMelExtractor(**settings)


def test_a_row_is_what_the_network_says_of_a_patch() -> None:
    extractor = EmbeddingExtractor(network=Counting())
    audio = noise(7.0)
    levels = LogMelExtractor().extract(audio)
    found = extractor.extract(audio)
    assert extractor.blocks == {"frames": (0, 1), "means": (1, 97)}
    assert (extractor.num_features, extractor.frame_rate) == (97, pytest.approx(RATE / 256 / 187))
    assert found.shape == (2, 97), "438 frames: the last 64 fill no patch"
    assert found[:, 0].tolist() == [187, 187]
    np.testing.assert_allclose(found[:, 1:], levels[: 2 * 187].reshape(2, 187, 96).mean(1), rtol=1e-5)


def test_patches_may_overlap_and_a_short_clip_is_repeated() -> None:
    frames = np.arange(10, dtype=np.float32)[:, None]
    assert in_patches(frames, 4, 3)[:, :, 0].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert in_patches(frames, 10, 10).shape == (1, 10, 1)
    assert in_patches(frames[:3], 7, 7)[:, :, 0].tolist() == [[0, 1, 2, 0, 1, 2, 0]]
    assert in_patches(frames, 4, 5).flags.writeable


def test_caches_of_unlike_networks_never_mix() -> None:
    settings = EmbeddingExtractor(network=Counting()).settings()
    assert settings != EmbeddingExtractor(network=Counting(2.0)).settings()
    assert settings != LogMelExtractor().settings()
    assert settings["network"] == {"factor": 1.0}
    crossed = pickle.loads(pickle.dumps(EmbeddingExtractor(network=Counting(2.0))))
    assert crossed.settings()["network"] == {"factor": 2.0}


def test_windows_of_a_file_are_cut_by_themselves(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(20.0), RATE)
    extractor = EmbeddingExtractor(network=Counting())
    extraction = Extraction((extractor, LogMelExtractor()), Selection("spread", seconds=4.0, windows=2))
    answers = [answer for answer in extraction(tmp_path / "a.wav") if isinstance(answer, Features)]
    assert [answer.values.shape for answer in answers] == [(2, 97), (502, 96)]
    assert [answer.seconds for answer in answers] == [8.0, 8.0]


def test_what_a_network_needs_is_made_ready_once() -> None:
    with pytest.raises(ClipError, match="prepared"):
        Extraction((LogMelExtractor(), EmbeddingExtractor(network=Counting()))).prepare()
