"""Statistics of mel-frequency cepstral coefficients of one-second excerpts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import librosa
import numpy as np

from music_affect.features.excerpts import ExcerptExtractor
from music_affect.features.spectrogram import Floats


@dataclass(frozen=True)
class MFCCExtractor(ExcerptExtractor):
    """Mean and standard deviation of each coefficient over the 20 windows of a second: one row a second.

    The numbers are those of librosa, called for one second at a time at 8 kHz:
    ``mfcc(n_mfcc=13, n_fft=400, hop_length=400, center=False)``. Windows are not centred: each lies inside its second.

    Args:
        n_mfcc: coefficients; all means stand before all deviations.

    Reference:
        Davis and Mermelstein, "Comparison of parametric representations for monosyllabic word recognition in
        continuously spoken sentences", IEEE Transactions on Acoustics, Speech, and Signal Processing 28(4), 1980.
    """

    n_mfcc: int = 13

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("n_mfcc", 0 < self.n_mfcc <= self.n_mels, f"from 1 to n_mels={self.n_mels}")

    @property
    def blocks(self) -> Mapping[str, tuple[int, int]]:
        return {"mfcc": (0, 2 * self.n_mfcc)}

    @property
    def excerpt_frames(self) -> int:
        return 1

    def describe(self, seconds: Floats) -> Floats:
        levels = np.stack([librosa.power_to_db(power) for power in self._power(seconds, center=False)])
        coefficients = librosa.feature.mfcc(S=levels, n_mfcc=self.n_mfcc)
        statistics: Floats = np.concatenate([coefficients.mean(axis=-1), coefficients.std(axis=-1)], axis=-1)
        return statistics[:, np.newaxis]
