"""Decoded sound: mono samples at the rate of their file."""

from __future__ import annotations

from dataclasses import dataclass

import librosa

from music_affect.features.spectrogram import Floats


@dataclass(frozen=True, eq=False)
class Recording:
    """One excerpt of a file.

    Args:
        samples: mono, float32 [samples].
        rate: of the file, in samples a second.
    """

    samples: Floats
    rate: int

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.samples) / self.rate

    def at(self, sample_rate: int) -> Floats:
        """The samples at another rate, resampled exactly as ``librosa.load`` does.

        Args:
            sample_rate: samples a second of the result.

        Returns:
            float32 [samples]; the very samples of the recording where its rate is that one already.
        """
        if sample_rate == self.rate:
            return self.samples
        resampled: Floats = librosa.resample(self.samples, orig_sr=self.rate, target_sr=sample_rate, res_type="soxr_hq")
        return resampled
