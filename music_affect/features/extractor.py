"""From an audio file to its features.

The numbers are those of librosa, called in the obvious way at 22,050 Hz: ``power_to_db(melspectrogram, ref=max)`` with
128 bands beside ``chroma_cqt``, and for the beat variant ``effects.hpss``, ``beat_track`` and ``util.sync`` with the
median, on the mel power before the decibels. What they share is computed once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from music_affect.errors import ClipError, ConfigurationError
from music_affect.features.beat import beat_frames, fixed_frames, pool
from music_affect.features.chroma import BINS_PER_OCTAVE, LOWEST_RATE, NUM_CHROMA, chromagram
from music_affect.features.decode import decode
from music_affect.features.percussive import percussive
from music_affect.features.spectrogram import Floats, mel_power, to_decibels, transform
from music_affect.features.tuning import FRAMES, estimate_tuning


@dataclass(frozen=True)
class AudioExtractor:
    """Mel decibels beside chroma, a row a frame or a row a beat.

    Args:
        sample_rate: samples a second after resampling.
        n_fft: samples a frame.
        hop_length: samples between frames.
        n_mels: mel bands.
        beat: one row a beat instead of one a frame. A clip in which no beat is found is pooled over windows of half a
            second instead.
        min_seconds: shorter clips are refused.

    Raises:
        ConfigurationError: a setting without a meaning.
    """

    sample_rate: int = 22050
    n_fft: int = 2048
    hop_length: int = 512
    n_mels: int = 128
    beat: bool = False
    min_seconds: float = 1.0

    version: ClassVar[int] = 1  # raise it whenever the numbers change: old caches are then built anew
    excerpt_frames: ClassVar[int] = 1  # a crop may begin at any row

    def __post_init__(self) -> None:
        for name in ("n_fft", "hop_length", "n_mels"):
            _require(getattr(self, name) > 0, f"{name}={getattr(self, name)}", "a positive number")
        _require(self.n_fft % 2 == 0, f"n_fft={self.n_fft}", "an even number")
        _require(self.hop_length <= self.n_fft, f"hop_length={self.hop_length}", f"at most n_fft={self.n_fft}")
        rate = f"at least {LOWEST_RATE}, to hold the seven octaves of the chromagram"
        _require(self.sample_rate >= LOWEST_RATE, f"sample_rate={self.sample_rate}", rate)
        _require(self.min_seconds > 0, f"min_seconds={self.min_seconds}", "a positive number")

    @property
    def blocks(self) -> dict[str, tuple[int, int]]:
        """Column ranges [start, stop) by what they hold."""
        return {"mel": (0, self.n_mels), "chroma": (self.n_mels, self.num_features)}

    @property
    def num_features(self) -> int:
        """F, the number of columns."""
        return self.n_mels + NUM_CHROMA

    @property
    def frame_rate(self) -> float | None:
        """Rows a second, or None where a row is a beat."""
        return None if self.beat else self.sample_rate / self.hop_length

    def settings(self) -> dict[str, Any]:
        """All that changes the numbers, in plain values, for the fingerprint of a cache."""
        return {"extractor": type(self).__name__, "version": self.version, **asdict(self)}

    def __call__(self, path: Path) -> Floats:
        """Features of one audio file.

        Returns:
            float32 [T, num_features].

        Raises:
            ClipError: the file cannot be used.
        """
        audio = decode(path, self.sample_rate, self.min_seconds)
        with np.errstate(over="ignore", invalid="ignore"):  # reported as a ClipError below
            features = self.extract(audio)
        if not np.isfinite(features).all():
            raise ClipError("not finite", "the features overflow: the samples are too large for decibels")
        return features

    def extract(self, audio: Floats) -> Floats:
        """Features of one signal.

        Args:
            audio: mono at ``sample_rate``, float32 [samples].

        Returns:
            float32 [T, num_features].
        """
        spectrum = transform(audio, self.n_fft, self.hop_length)
        magnitude = np.abs(spectrum)
        mel = mel_power(magnitude, self.sample_rate, self.n_fft, self.n_mels)
        chroma = chromagram(audio, self.sample_rate, self.hop_length, self._tuning(audio, magnitude))
        if self.beat:
            signal = percussive(spectrum, magnitude, self.hop_length, len(audio))
            borders = beat_frames(signal, self.sample_rate, self.hop_length)
            if len(borders) == 0:
                borders = fixed_frames(mel.shape[1], self.sample_rate / self.hop_length)
            mel, chroma = pool(mel, borders), pool(chroma, borders)
        return np.ascontiguousarray(np.vstack([to_decibels(mel), chroma]).T, dtype=np.float32)

    def _tuning(self, audio: Floats, magnitude: Floats) -> float:
        # The tuning has frames of its own; by default they are ours too and need no second transform.
        if (self.n_fft, self.hop_length) != FRAMES:
            magnitude = np.abs(transform(audio, *FRAMES))
        return estimate_tuning(magnitude, self.sample_rate, BINS_PER_OCTAVE)


def _require(holds: bool, found: str, expected: str) -> None:
    if not holds:
        raise ConfigurationError(f"{found} for the features", expected=expected, fix="correct it in the data settings")
