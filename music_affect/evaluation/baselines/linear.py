"""References that are linear in the statistics: logistic and ridge regression, and constants."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier

from music_affect.contracts.spec import Categorical, Continuous, Tags, Target
from music_affect.evaluation.baselines.fitted import Fitted, LinearMap, Statistics, Values
from music_affect.evaluation.baselines.reference import Learnt, Reference


class _Linear(Reference):
    """A reference whose estimator is linear in the statistics, or does not look at them."""

    def plain(self, learnt: Learnt) -> LinearMap:
        estimator, target, scaler = learnt.estimator, learnt.target, learnt.scaler
        classes = len(target.outcomes) or 1
        weights, bias = np.zeros((classes, len(scaler.mean_))), np.full(classes, -np.inf)
        places = estimator.classes_ if isinstance(target, Categorical) else slice(None)
        tagging = isinstance(target, Tags)
        weights[places], bias[places] = _tag_map(estimator, learnt.labels) if tagging else _linear_map(estimator)
        return LinearMap(target, scaler.mean_, scaler.scale_, weights, bias)


class MajorityReference(_Linear):
    """Answers with the share of each class or tag among the training clips, whatever the clip."""

    answers = (Categorical, Tags)

    def estimators(self, target: Target, clips: int, figures: int) -> Sequence[Any]:
        return [DummyRegressor() if isinstance(target, Tags) else DummyClassifier(strategy="prior")]


class MeanReference(_Linear):
    """Answers with the mean of the training labels, whatever the clip."""

    answers = (Continuous,)

    def estimators(self, target: Target, clips: int, figures: int) -> Sequence[DummyRegressor]:
        return [DummyRegressor()]


class LinearReference(_Linear):
    """Logistic regression, for tags one a tag.

    Args:
        strengths: inverses of the L2 penalty, the usual one first, which suits clip statistics: it is small, because
            they outnumber the clips. Another one is taken where it answers held-out training clips clearly better.
        class_weight: ``balanced`` counts every class alike, as macro F1 does; None counts every clip alike.
            Tags always are counted so.
    """

    answers = (Categorical, Tags)
    precision = np.float32  # halves the time and changes no prediction worth the name

    def __init__(
        self, strengths: Sequence[float] = (0.01, 0.001, 0.1), class_weight: Literal["balanced"] | None = "balanced"
    ) -> None:
        self.strengths, self.class_weight = strengths, class_weight

    def fit(
        self, statistics: Statistics, labels: NDArray[Any], target: Target, groups: NDArray[Any] | None = None
    ) -> Fitted:
        if len(np.unique(labels)) == 1:  # nothing to be told apart
            return MajorityReference().fit(statistics, labels, target)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Label .* is present in all training examples")  # has no weights
            return super().fit(statistics, labels, target, groups)

    def estimators(self, target: Target, clips: int, figures: int) -> Sequence[Any]:
        if isinstance(target, Tags):
            one = LogisticRegression(C=self.strengths[0], max_iter=1000, tol=1e-3)
            return [OneVsRestClassifier(one)]
        settings = {"class_weight": self.class_weight, "max_iter": 1000, "tol": 1e-3}
        return [LogisticRegression(C=strength, **settings) for strength in self.strengths]


class RidgeReference(_Linear):
    """Least squares with a penalty on the weights.

    Args:
        penalties: on the squared weights, for every statistic, the usual one first: with D of them the penalty is D
            times this, so that mel, chroma and both together are held back alike. Positive, because there are more
            statistics than clips. Another one is taken where it answers held-out training clips clearly better.

    Reference:
        Hoerl and Kennard, Ridge regression: biased estimation for nonorthogonal problems, Technometrics, 1970.
    """

    answers = (Continuous,)

    def __init__(self, penalties: Sequence[float] = (0.5, 0.05, 5.0)) -> None:
        self.penalties = penalties

    def estimators(self, target: Target, clips: int, figures: int) -> Sequence[Ridge]:
        return [Ridge(alpha=penalty * figures) for penalty in self.penalties]


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


def _tag_map(estimator: Any, labels: Values) -> tuple[Values | float, Values]:
    """Weights [C, D] and bias [C] of the tags; a tag that all training clips have, or none, has no weights."""
    shares = logit(labels.mean(axis=0))
    if isinstance(estimator, DummyRegressor):
        return 0.0, shares
    nothing = np.zeros(estimator.n_features_in_)
    pairs = [
        (one.coef_[0], one.intercept_[0]) if isinstance(one, LogisticRegression) else (nothing, share)
        for one, share in zip(estimator.estimators_, shares, strict=True)
    ]
    return np.stack([weights for weights, _ in pairs]), np.array([bias for _, bias in pairs])
