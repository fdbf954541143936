"""Features of one-second excerpts: what their extractors share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import librosa
import numpy as np

from music_affect.contracts.errors import ConfigurationError
from music_affect.features.analysis import Window
from music_affect.features.extraction import Features, FileExtractor
from music_affect.features.spectrogram import Floats


@dataclass(frozen=True)
class ExcerptExtractor(FileExtractor):
    """Every whole second of a clip described on its own, as if it were a file; the rest at the end is dropped.

    Args:
        sample_rate: samples a second after resampling.
        n_fft: samples in a window and from one window to the next; they fill a second exactly.
        n_mels: mel bands.
        beat: False; the argument is there because every extractor has it.
        min_seconds: shorter clips are refused.

    Raises:
        ConfigurationError: a setting without a meaning, or rows that should be beats.
    """

    sample_rate: int = 8000
    n_fft: int = 400
    n_mels: int = 128
    beat: bool = False
    min_seconds: float = 1.0

    version: ClassVar[int] = 2  # raise it whenever the numbers change: old caches are then built anew

    def __post_init__(self) -> None:
        if self.beat:
            raise ConfigurationError(
                "features of one-second excerpts and data.beat=true",
                expected="data with full-rate frames",
                fix="choose data without beats (data=…, not data=…_beat), or features=mel, chroma or fused",
            )
        for name in ("sample_rate", "n_fft", "n_mels"):
            self._require(name, getattr(self, name) > 0, "a positive number")
        self._require("n_fft", self.sample_rate % self.n_fft == 0, f"a divisor of sample_rate={self.sample_rate}")
        self._require("min_seconds", self.min_seconds >= 1, "1 or more, since an excerpt lasts a second")

    @property
    @abstractmethod
    def blocks(self) -> Mapping[str, tuple[int, int]]:
        """Column ranges [start, stop) by what they hold."""

    @property
    @abstractmethod
    def excerpt_frames(self) -> int:
        """Rows of an excerpt."""

    @abstractmethod
    def describe(self, seconds: Floats) -> Floats:
        """Features of seconds: samples [S, sample_rate] to [S, excerpt_frames, num_features]."""

    @property
    def num_features(self) -> int:
        """F, the number of columns."""
        return max(stop for _, stop in self.blocks.values())

    @property
    def frame_rate(self) -> float:
        """Rows a second."""
        return float(self.excerpt_frames)

    def settings(self) -> dict[str, Any]:
        """All that changes the numbers, in plain values, for the fingerprint of a cache."""
        return {"extractor": type(self).__name__, "version": self.version, **asdict(self)}

    def features(self, window: Window) -> Features:
        audio = window.at(self.sample_rate)
        whole = len(audio) // self.sample_rate
        seconds = audio[: whole * self.sample_rate].reshape(whole, self.sample_rate)
        values = np.ascontiguousarray(self.describe(seconds).reshape(-1, self.num_features), dtype=np.float32)
        return Features(values, float(whole))

    def _power(self, seconds: Floats, *, center: bool) -> Floats:
        """Mel power of the windows of each second, [S, n_mels, windows]."""
        power: Floats = librosa.feature.melspectrogram(
            y=seconds,
            sr=self.sample_rate,
            n_fft=self.n_fft,
            hop_length=self.n_fft,
            n_mels=self.n_mels,
            center=center,
        )
        return power

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ConfigurationError(
                f"{name}={getattr(self, name)} for the features", expected=expected, fix="correct features.extraction"
            )
