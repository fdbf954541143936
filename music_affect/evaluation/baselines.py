"""Reference models that stand beside every score: what a network must beat before it is worth a look."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Statistics = NDArray[np.float32]
Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]


def centre_and_scale(statistics: Statistics) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each column, [N, D] to [D] each; 1 as the deviation of a constant column."""
    mean = statistics.mean(axis=0, dtype=np.float64)
    spread = statistics.std(axis=0, dtype=np.float64)
    # A column that hardly moves is constant but for rounding; dividing by it would blow the rounding up.
    return mean, np.where(spread > 1e-5 * (1 + np.abs(mean)), spread, 1.0)


class Reference(ABC):
    """A classifier of clip statistics."""

    @abstractmethod
    def fit(self, statistics: Statistics, labels: Labels, num_classes: int) -> Self:
        """Learn from the training clips.

        Args:
            statistics: one row a clip, float32 [N, D].
            labels: class indices, int [N].
            num_classes: C; classes without a training clip get probability 0.

        Returns:
            The reference itself.
        """

    @abstractmethod
    def predict(self, statistics: Statistics) -> Probabilities:
        """Class probabilities, float64 [N, C], rows summing to 1."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, ready for json or a checkpoint."""

    @classmethod
    @abstractmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Inverse of ``to_dict``."""


class MajorityReference(Reference):
    """Answers with the share of each class among the training clips, whatever the clip."""

    _priors: Probabilities

    def fit(self, statistics: Statistics, labels: Labels, num_classes: int) -> Self:
        self._priors = np.bincount(labels, minlength=num_classes) / len(labels)
        return self

    def predict(self, statistics: Statistics) -> Probabilities:
        return np.tile(self._priors, (len(statistics), 1))

    def to_dict(self) -> dict[str, Any]:
        return {"priors": self._priors.tolist()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        reference = cls()
        reference._priors = np.asarray(plain["priors"], np.float64)
        return reference


class LinearReference(Reference):
    """Logistic regression on standardised clip statistics.

    Args:
        strength: inverse of the L2 penalty; small, because there are more statistics than clips.
        class_weight: ``balanced`` counts every class alike, as macro F1 does; None counts every clip alike.
    """

    _mean: NDArray[np.float64]
    _scale: NDArray[np.float64]
    _weights: NDArray[np.float64]
    _bias: NDArray[np.float64]

    def __init__(self, strength: float = 0.01, class_weight: Literal["balanced"] | None = "balanced") -> None:
        self.strength, self.class_weight = strength, class_weight

    def fit(self, statistics: Statistics, labels: Labels, num_classes: int) -> Self:
        self._mean, self._scale = centre_and_scale(statistics)
        present = np.unique(labels)
        self._weights = np.zeros((num_classes, statistics.shape[1]))
        self._bias = np.full(num_classes, -np.inf)
        self._bias[present] = 0.0
        if len(present) > 1:
            self._weights[present], self._bias[present] = self._regress(self._standardise(statistics), labels)
        return self

    def predict(self, statistics: Statistics) -> Probabilities:
        logits = self._standardise(statistics) @ self._weights.T + self._bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: Probabilities = odds / odds.sum(axis=1, keepdims=True)
        return shares

    def to_dict(self) -> dict[str, Any]:
        # json knows no infinity: an absent class has no bias.
        bias = [float(value) if np.isfinite(value) else None for value in self._bias]
        arrays = {"mean": self._mean, "scale": self._scale, "weights": self._weights}
        settings = {"strength": self.strength, "class_weight": self.class_weight}
        return {**settings, **{name: array.tolist() for name, array in arrays.items()}, "bias": bias}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        reference = cls(plain["strength"], plain["class_weight"])
        reference._mean, reference._scale, reference._weights = (
            np.asarray(plain[name], np.float64) for name in ("mean", "scale", "weights")
        )
        reference._bias = np.array([-np.inf if value is None else value for value in plain["bias"]])
        return reference

    def _standardise(self, statistics: Statistics) -> NDArray[np.float64]:
        return (statistics - self._mean) / self._scale

    def _regress(
        self, standardised: NDArray[np.float64], labels: Labels
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights [K, D] and bias [K] of the K classes present, in their order."""
        from sklearn.linear_model import LogisticRegression  # late: importing it takes about a second

        model = LogisticRegression(C=self.strength, class_weight=self.class_weight, max_iter=1000, tol=1e-3)
        # Single precision halves the time and changes no prediction worth the name.
        model.fit(standardised.astype(np.float32), labels)
        weights, bias = np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64)
        if len(weights) == 1:  # two classes: sklearn keeps the weights of the second against the first
            weights, bias = np.vstack([np.zeros_like(weights), weights]), np.append(0.0, bias)
        return weights, bias
