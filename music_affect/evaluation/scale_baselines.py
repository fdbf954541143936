"""Reference models for labels on a scale: what a network must beat before it is worth a look."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from music_affect.errors import LabelError
from music_affect.evaluation.baselines import Statistics, centre_and_scale

Values = NDArray[np.float64]


class ScaleReference(ABC):
    """A regression from clip statistics to one value."""

    @abstractmethod
    def fit(self, statistics: Statistics, values: Values, low: float | None = None, high: float | None = None) -> Self:
        """Learn from the training clips that carry the label.

        Args:
            statistics: one row a clip, float32 [N, D].
            values: labels, finite, float64 [N].
            low: end of the scale that no answer falls below, or None.
            high: end of the scale that no answer exceeds, or None.

        Returns:
            The reference itself.

        Raises:
            LabelError: there is no clip.
        """

    @abstractmethod
    def predict(self, statistics: Statistics) -> Values:
        """Values on the scale of the labels, float64 [N]."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, ready for json or a checkpoint."""

    @classmethod
    @abstractmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Inverse of ``to_dict``."""


class MeanReference(ScaleReference):
    """Answers with the mean of the training labels, whatever the clip."""

    _mean: float

    def fit(self, statistics: Statistics, values: Values, low: float | None = None, high: float | None = None) -> Self:
        self._mean = _mean(values)
        return self

    def predict(self, statistics: Statistics) -> Values:
        return np.full(len(statistics), self._mean)

    def to_dict(self) -> dict[str, Any]:
        return {"mean": self._mean}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        reference = cls()
        reference._mean = float(plain["mean"])
        return reference


class RidgeReference(ScaleReference):
    """Least squares with a penalty on the weights, on standardised clip statistics.

    Args:
        penalty: on the squared weights, for every statistic: with D of them the penalty is D times this, so that mel,
            chroma and both together are held back alike. Positive, because there are more statistics than clips.

    Reference:
        Hoerl and Kennard, Ridge regression: biased estimation for nonorthogonal problems, Technometrics, 1970.
    """

    _weights: Values
    _bias: float
    _ends: tuple[float | None, float | None]

    def __init__(self, penalty: float = 0.5) -> None:
        self.penalty = penalty

    def fit(self, statistics: Statistics, values: Values, low: float | None = None, high: float | None = None) -> Self:
        middle = _mean(values)
        centre, scale = centre_and_scale(statistics)
        weights = _ridge((statistics - centre) / scale, values - middle, self.penalty * statistics.shape[1])
        # Kept for statistics as they come, so that to predict is one product.
        self._weights = weights / scale
        self._bias = float(middle - centre @ self._weights)
        self._ends = low, high
        return self

    def predict(self, statistics: Statistics) -> Values:
        values = statistics.astype(np.float64) @ self._weights + self._bias
        low, high = self._ends
        return np.clip(values, -np.inf if low is None else low, np.inf if high is None else high)

    def to_dict(self) -> dict[str, Any]:
        low, high = self._ends
        weights = self._weights.tolist()
        return {"penalty": self.penalty, "weights": weights, "bias": self._bias, "low": low, "high": high}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        reference = cls(plain["penalty"])
        reference._weights, reference._bias = np.asarray(plain["weights"], np.float64), float(plain["bias"])
        reference._ends = plain["low"], plain["high"]
        return reference


def _mean(values: Values) -> float:
    if len(values) == 0:
        raise LabelError(
            "no training clip has a value on this scale",
            expected="at least one",
            fix="look at the label file and the split, or leave the target out",
        )
    return float(values.mean(dtype=np.float64))


def _ridge(inputs: Values, values: Values, penalty: float) -> Values:
    """Weights [D] that minimise squared error + penalty x squared weights, for centred [N, D] and [N]."""
    clips, figures = inputs.shape
    if clips < figures:  # the same weights from a system of N equations instead of D
        weights = inputs.T @ np.linalg.solve(inputs @ inputs.T + penalty * np.eye(clips), values)
    else:
        weights = np.linalg.solve(inputs.T @ inputs + penalty * np.eye(figures), inputs.T @ values)
    return np.asarray(weights, np.float64)
