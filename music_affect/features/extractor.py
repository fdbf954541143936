"""From an audio file to its features.

The numbers are those of librosa, called in the obvious way at 22,050 Hz: ``power_to_db(melspectrogram, ref=max)`` with
128 bands beside ``chroma_cqt``, and for the beat variant ``effects.hpss``, ``beat_track`` and ``util.sync`` with the
median, on the mel power before the decibels. What they share is computed once. Loudness stands beside them, since
decibels below a clip's own maximum no longer tell how loud it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache, partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import ConfigurationError
from music_affect.features.analysis import Analysis, Window
from music_affect.features.beat import BeatTracker, LibrosaBeats, fixed_frames, nearest_frames, pool
from music_affect.features.chroma import LOWEST_RATE, NUM_CHROMA
from music_affect.features.extraction import Features, FileExtractor, require_finite
from music_affect.features.spectrogram import to_decibels

NO_BEATS = "no beats"  # the remark of a clip that is pooled over fixed windows


@dataclass(frozen=True)
class AudioExtractor(FileExtractor):
    """Mel decibels beside chroma and momentary loudness in LUFS, a row a frame or a row a beat.

    Args:
        sample_rate: samples a second after resampling.
        n_fft: samples a frame.
        hop_length: samples between frames.
        n_mels: mel bands.
        beat: one row a beat instead of one a frame. A clip in which no beat is found is pooled over windows of half a
            second instead.
        min_seconds: shorter clips are refused.
        beat_tracker: finds the beats.
        device: that computes spectra and the percussive part: ``cpu``, or one that torch finds (``cuda``).

    Raises:
        ConfigurationError: a setting without a meaning, or a device that is not there.
    """

    sample_rate: int = 22050
    n_fft: int = 2048
    hop_length: int = 512
    n_mels: int = 128
    beat: bool = False
    min_seconds: float = 1.0
    beat_tracker: BeatTracker = LibrosaBeats()  # noqa: RUF009 - immutable
    device: str = "cpu"

    version: ClassVar[int] = 3  # raise it whenever the numbers change: old caches are then built anew
    excerpt_frames: ClassVar[int] = 1  # a crop may begin at any row

    def __post_init__(self) -> None:
        for name in ("n_fft", "hop_length", "n_mels"):
            _require(getattr(self, name) > 0, f"{name}={getattr(self, name)}", "a positive number")
        _require(self.n_fft % 2 == 0, f"n_fft={self.n_fft}", "an even number")
        _require(self.hop_length <= self.n_fft, f"hop_length={self.hop_length}", f"at most n_fft={self.n_fft}")
        rate = f"at least {LOWEST_RATE}, to hold the seven octaves of the chromagram"
        _require(self.sample_rate >= LOWEST_RATE, f"sample_rate={self.sample_rate}", rate)
        _require(self.min_seconds > 0, f"min_seconds={self.min_seconds}", "a positive number")
        if self.device != "cpu":
            from music_affect.features.torch_spectrum import require_device

            require_device(self.device)

    @property
    def blocks(self) -> dict[str, tuple[int, int]]:
        """Column ranges [start, stop) by what they hold."""
        chroma = self.n_mels + NUM_CHROMA
        return {"mel": (0, self.n_mels), "chroma": (self.n_mels, chroma), "loudness": (chroma, self.num_features)}

    @property
    def num_features(self) -> int:
        """F, the number of columns."""
        return self.n_mels + NUM_CHROMA + 1

    @property
    def frame_rate(self) -> float | None:
        """Rows a second, or None where a row is a beat."""
        return None if self.beat else self.sample_rate / self.hop_length

    def settings(self) -> dict[str, Any]:
        """All that changes the numbers, in plain values, for the fingerprint of a cache.

        The device is none of it, since its numbers are held to the same tolerances. The beat tracker is named where
        it matters and is not librosa's, so that what was made before there was a choice stays valid.
        """
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        tracker: BeatTracker = plain.pop("beat_tracker")
        del plain["device"]
        if self.beat and tracker != LibrosaBeats():
            plain["beat_tracker"] = tracker.settings()
        return {"extractor": type(self).__name__, "version": self.version, **plain}

    def features(self, window: Window) -> Features:
        make = _on_device(self.device)
        analysis = window.analysis(self.sample_rate, self.n_fft, self.hop_length, self.n_mels, make)
        mel, chroma, loudness = analysis.mel, analysis.chroma, analysis.loudness[None]
        remarks: tuple[str, ...] = ()
        if self.beat:
            require_finite(mel)  # librosa's beat tracker stops at them
            borders, remarks = self._borders(analysis)
            mel, chroma, loudness = (pool(part, borders) for part in (mel, chroma, loudness))
        values = np.ascontiguousarray(np.vstack([to_decibels(mel), chroma, loudness]).T, dtype=np.float32)
        return Features(values, len(analysis.audio) / self.sample_rate, remarks)

    def _borders(self, analysis: Analysis) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        num_frames = analysis.mel.shape[1]
        borders = nearest_frames(analysis.beats(self.beat_tracker), analysis.frame_rate, num_frames)
        if len(borders):
            return borders, ()
        return fixed_frames(num_frames, analysis.frame_rate), (NO_BEATS,)


@cache  # the same object for a device, so that extractors share what they compute on it
def _on_device(device: str) -> Callable[..., Analysis]:
    if device == "cpu":
        return Analysis
    from music_affect.features.torch_spectrum import TorchAnalysis

    return partial(TorchAnalysis, device=device)


def _require(holds: bool, found: str, expected: str) -> None:
    if not holds:
        raise ConfigurationError(f"{found} for the features", expected=expected, fix="correct it in the data settings")
