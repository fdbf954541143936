"""Standardisation per feature, learnt from the training part alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SMALLEST_DEVIATION = 1e-4  # a constant row becomes zero instead of noise


@dataclass(frozen=True)
class Normalizer:
    """Subtracts the mean and divides by the standard deviation of each feature.

    Raw mel in dB lies in [-80, 0] and chroma in [0, 1]: without this chroma vanishes beside mel, and padding with zeros
    would mean the loudest level instead of the mean.

    Args:
        mean: float32 [F].
        deviation: float32 [F], positive.
    """

    mean: Tensor
    deviation: Tensor

    @classmethod
    def fit(cls, clips: Iterable[NDArray[np.float32]]) -> Normalizer:
        """Learns from clips [T, F], one at a time."""
        count, total, squares = 0, np.float64(0), np.float64(0)
        for frames in clips:
            exact = frames.astype(np.float64)
            count += len(exact)
            total = total + exact.sum(0)
            squares = squares + np.square(exact).sum(0)
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
        deviation[deviation < SMALLEST_DEVIATION] = 1.0
        return cls(torch.from_numpy(mean).float(), torch.from_numpy(deviation).float())

    @classmethod
    def identity(cls, num_features: int) -> Normalizer:
        """Changes nothing; for models that read raw features."""
        return cls(torch.zeros(num_features), torch.ones(num_features))

    def __call__(self, frames: Tensor) -> Tensor:
        """Standardised frames [..., F]."""
        return (frames - self.mean.to(frames.device)) / self.deviation.to(frames.device)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, for a checkpoint."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Normalizer:
        """Inverse of ``to_dict``."""
        return cls(torch.tensor(plain["mean"]), torch.tensor(plain["deviation"]))
