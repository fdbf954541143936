"""Log-mel spectrograms as networks of others expect them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import librosa
import numpy as np

from music_affect.contracts.errors import ConfigurationError, did_you_mean
from music_affect.features.analysis import Window
from music_affect.features.extraction import Features, FileExtractor, require_finite
from music_affect.features.spectrogram import Floats

LOGARITHMS = {"log10": np.log10, "ln": np.log}
_HALF = np.finfo(np.float16)


@dataclass(frozen=True)
class LogMelExtractor(FileExtractor):
    """Logarithm of mel power, a row a frame: ``log(scale * power + offset)``.

    Mel power is librosa's with its own defaults (Slaney's scale and area normalisation, centred frames).

    Args:
        sample_rate: samples a second after resampling.
        n_fft: samples in a window.
        hop_length: samples between frames.
        n_mels: mel bands.
        fmin: lowest frequency of the bands, in Hz.
        fmax: their highest; None for half the sample rate.
        logarithm: log10 or ln.
        scale: factor of the power before the logarithm.
        offset: what is added before the logarithm, above 0.
        rounded: the power is rounded to half precision first, as some networks were trained.
        beat: False; the argument is there because every extractor has it.
        min_seconds: shorter clips are refused.

    Raises:
        ConfigurationError: a setting without a meaning, or rows that should be beats.
    """

    sample_rate: int = 16000
    n_fft: int = 512
    hop_length: int = 256
    n_mels: int = 96
    fmin: float = 0.0
    fmax: float | None = None
    logarithm: str = "log10"
    scale: float = 10000.0
    offset: float = 1.0
    rounded: bool = True
    beat: bool = False
    min_seconds: float = 1.0

    version: ClassVar[int] = 1  # raise it whenever the numbers change: old caches are then built anew
    excerpt_frames: ClassVar[int] = 1  # a crop may begin at any row

    def __post_init__(self) -> None:
        if self.beat:
            raise ConfigurationError(
                "log-mel features for a trained network and data.beat=true",
                expected="data with full-rate frames",
                fix="choose data without beats (not data=…_beat; prepare: variants=[full]), or features=fused",
            )
        for name in ("sample_rate", "n_fft", "hop_length", "n_mels", "scale", "offset", "min_seconds"):
            self.require(name, getattr(self, name) > 0, "a positive number")
        self.require("hop_length", self.hop_length <= self.n_fft, f"at most n_fft={self.n_fft}")
        self.require("fmax", self.fmin < (self.fmax or self.sample_rate / 2), f"more than fmin={self.fmin}")
        known = " or ".join(LOGARITHMS)
        hint = did_you_mean(self.logarithm, LOGARITHMS)
        self.require("logarithm", self.logarithm in LOGARITHMS, f"{known}{hint}")

    @property
    def blocks(self) -> Mapping[str, tuple[int, int]]:
        """Column ranges [start, stop) by what they hold."""
        return {"mel": (0, self.n_mels)}

    @property
    def num_features(self) -> int:
        """F, the number of columns."""
        return max(stop for _, stop in self.blocks.values())

    @property
    def frame_rate(self) -> float:
        """Rows a second."""
        return self.sample_rate / self.hop_length

    def settings(self) -> dict[str, Any]:
        """All that changes the numbers, in plain values, for the fingerprint of a cache."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"extractor": type(self).__name__, "version": self.version, **plain}

    def features(self, window: Window) -> Features:
        return Features(self.levels(window), len(window.at(self.sample_rate)) / self.sample_rate)

    def levels(self, window: Window) -> Floats:
        """Log-mel levels of one excerpt, float32 [T, n_mels] with T = 1 + samples // hop_length."""
        analysis = window.analysis(self.sample_rate, self.n_fft, self.hop_length, self.n_mels)
        whole = self.fmin == 0 and self.fmax is None
        power = analysis.mel if whole else self._bands() @ analysis.magnitude**2
        require_finite(power)
        if self.rounded:
            power = np.minimum(power, _HALF.max).astype(np.float16).astype(np.float32)
        levels = LOGARITHMS[self.logarithm](self.scale * power + self.offset)
        return np.ascontiguousarray(levels.T, np.float32)

    def _bands(self) -> Floats:
        bands: Floats = librosa.filters.mel(
            sr=self.sample_rate, n_fft=self.n_fft, n_mels=self.n_mels, fmin=self.fmin, fmax=self.fmax
        )
        return bands

    def require(self, name: str, holds: bool, expected: str) -> None:
        """Refuses a setting that does not hold."""
        if not holds:
            raise ConfigurationError(
                f"{name}={getattr(self, name)} for the features", expected=expected, fix="correct features.extraction"
            )
