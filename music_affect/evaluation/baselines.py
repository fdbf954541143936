"""Reference models that stand beside every score: what a network must beat before it is worth a look."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from music_affect.contracts.errors import LabelError
from music_affect.contracts.spec import Categorical, Target

Statistics = NDArray[np.float32]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A fitted reference: linear in the standardised statistics of a clip, so that plain arrays hold all of it.

    Args:
        target: what the label is.
        mean: of each statistic, float64 [D].
        scale: standard deviation of each statistic, float64 [D].
        weights: float64 [K, D], of K classes or of one value.
        bias: float64 [K]; minus infinity for a class without a training clip.
    """

    target: Target
    mean: Values
    scale: Values
    weights: Values
    bias: Values

    def predict(self, statistics: Statistics) -> Values:
        """Class probabilities [N, C] with rows summing to 1, or values inside their scale [N], of statistics [N, D]."""
        outputs = (statistics - self.mean) / self.scale @ self.weights.T + self.bias
        if isinstance(self.target, Categorical):
            odds: Values = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            return np.asarray(odds / odds.sum(axis=1, keepdims=True))
        low, high = self.target.low, self.target.high
        return np.clip(outputs[:, 0], -np.inf if low is None else low, np.inf if high is None else high)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, ready for json or a checkpoint."""
        # json knows no infinity: an absent class has no bias.
        bias = [float(value) if np.isfinite(value) else None for value in self.bias]
        arrays = {"mean": self.mean, "scale": self.scale, "weights": self.weights}
        return {**{name: array.tolist() for name, array in arrays.items()}, "bias": bias}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], target: Target) -> Fitted:
        """Inverse of ``to_dict``."""
        mean, scale, weights = (np.asarray(plain[name], np.float64) for name in ("mean", "scale", "weights"))
        return cls(target, mean, scale, weights, np.array([-np.inf if b is None else b for b in plain["bias"]], float))


class Reference(ABC):
    """A linear model of clip statistics, fitted by scikit-learn."""

    precision: type[np.floating[Any]] = np.float64

    @abstractmethod
    def estimator(self, figures: int) -> Any:
        """The unfitted scikit-learn estimator for so many standardised statistics."""

    def fit(self, statistics: Statistics, labels: NDArray[Any], target: Target) -> Fitted:
        """Learn from the training clips that carry the label.

        Args:
            statistics: one row a clip, float32 [N, D].
            labels: class indices, int [N], or finite values, float64 [N].
            target: what the label is; classes without a training clip get probability 0, and no value leaves the scale.

        Raises:
            LabelError: there is no clip.
        """
        if len(labels) == 0:
            raise LabelError(
                "no training clip has this label",
                expected="at least one",
                fix="look at the label file and the split, or leave the target out",
            )
        scaler, figures = _scaler(statistics), statistics.shape[1]
        categorical = isinstance(target, Categorical)
        present = np.unique(labels) if categorical else np.array([0])
        estimator = DummyClassifier() if categorical and len(present) == 1 else self.estimator(figures)
        estimator.fit(
            scaler.transform(statistics.astype(np.float64)).astype(self.precision),
            labels if categorical else labels.astype(np.float64),
        )
        size = target.num_classes if isinstance(target, Categorical) else 1
        weights, bias = np.zeros((size, figures)), np.full(size, -np.inf)
        weights[present], bias[present] = _linear_map(estimator)
        return Fitted(target, scaler.mean_, scaler.scale_, weights, bias)


class MajorityReference(Reference):
    """Answers with the share of each class among the training clips, whatever the clip."""

    def estimator(self, figures: int) -> DummyClassifier:
        return DummyClassifier(strategy="prior")


class MeanReference(Reference):
    """Answers with the mean of the training labels, whatever the clip."""

    def estimator(self, figures: int) -> DummyRegressor:
        return DummyRegressor()


class LinearReference(Reference):
    """Logistic regression.

    Args:
        strength: inverse of the L2 penalty; small, because there are more statistics than clips.
        class_weight: ``balanced`` counts every class alike, as macro F1 does; None counts every clip alike.
    """

    precision = np.float32  # halves the time and changes no prediction worth the name

    def __init__(self, strength: float = 0.01, class_weight: Literal["balanced"] | None = "balanced") -> None:
        self.strength, self.class_weight = strength, class_weight

    def estimator(self, figures: int) -> LogisticRegression:
        return LogisticRegression(C=self.strength, class_weight=self.class_weight, max_iter=1000, tol=1e-3)


class RidgeReference(Reference):
    """Least squares with a penalty on the weights.

    Args:
        penalty: on the squared weights, for every statistic: with D of them the penalty is D times this, so that mel,
            chroma and both together are held back alike. Positive, because there are more statistics than clips.

    Reference:
        Hoerl and Kennard, Ridge regression: biased estimation for nonorthogonal problems, Technometrics, 1970.
    """

    def __init__(self, penalty: float = 0.5) -> None:
        self.penalty = penalty

    def estimator(self, figures: int) -> Ridge:
        return Ridge(alpha=self.penalty * figures)


def _scaler(statistics: Statistics) -> StandardScaler:
    scaler = StandardScaler().fit(statistics.astype(np.float64))
    # A column that hardly moves is constant but for rounding; dividing by it would blow the rounding up.
    constant = np.sqrt(scaler.var_) <= 1e-5 * (1 + np.abs(scaler.mean_))
    scaler.scale_ = np.where(constant, 1.0, scaler.scale_)
    return scaler


def _linear_map(estimator: Any) -> tuple[Values | float, Values]:
    """Weights [K, D] and bias [K] of the classes that occurred, in their order, or of the one value."""
    if isinstance(estimator, DummyClassifier):
        return 0.0, np.log(estimator.class_prior_)
    if isinstance(estimator, DummyRegressor):
        return 0.0, estimator.constant_[0]
    weights, bias = np.atleast_2d(estimator.coef_), np.atleast_1d(estimator.intercept_)
    if isinstance(estimator, LogisticRegression) and len(weights) == 1:  # two classes: the second against the first
        return np.vstack([np.zeros_like(weights), weights]), np.append(0.0, bias)
    return weights, bias
