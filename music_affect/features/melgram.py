"""Mel spectrograms of one-second excerpts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from music_affect.features.excerpts import ExcerptExtractor
from music_affect.features.spectrogram import Floats, to_decibels


@dataclass(frozen=True)
class MelgramExtractor(ExcerptExtractor):
    """Mel decibels below each second's own maximum, of windows centred on 0, 50, …, 1000 ms.

    The numbers are those of librosa, called for one second at a time at 8 kHz:
    ``power_to_db(melspectrogram(n_fft=400, hop_length=400), ref=max)``. As there, a digitally silent second is 0 dB
    throughout.
    """

    @property
    def blocks(self) -> Mapping[str, tuple[int, int]]:
        return {"mel": (0, self.n_mels)}

    @property
    def excerpt_frames(self) -> int:
        return 1 + self.sample_rate // self.n_fft

    def describe(self, seconds: Floats) -> Floats:
        levels = np.stack([to_decibels(power) for power in self._power(seconds, center=True)])
        return levels.transpose(0, 2, 1)
