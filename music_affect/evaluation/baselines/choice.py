"""Settings of a reference, chosen inside the training part by predicting clips of groups that were held out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.model_selection import GroupKFold, cross_val_predict
from threadpoolctl import threadpool_limits

Values = NDArray[np.float64]
Folds = list[tuple[NDArray[np.int64], NDArray[np.int64]]]

FOLDS = 5
MOST = 500  # clips that a choice is made on: of more clips, a random part says as much within seconds


def choose(estimators: Sequence[Any], inputs: Values, labels: NDArray[Any], groups: NDArray[Any]) -> Any:
    """Returns the first estimator, unless another one predicts clips of unseen groups clearly better.

    Each estimator answers every clip from the clips of other groups (artists), in five folds. The loss of a clip is the
    squared distance of the answer from the label, for classes of the probabilities from the label's one-hot vector
    (Brier score). The best estimator is taken where its mean advantage over the first exceeds the standard error of
    that advantage: on a few hundred clips a plain minimum would mostly follow noise.

    Args:
        estimators: unfitted classifiers or regressors of scikit-learn; the usual one first.
        inputs: standardised statistics, float64 [N, D].
        labels: class indices, int [N], values, float64 [N], or of tags 1 and 0, float64 [N, C].
        groups: of the clips, which are held out together, [N].

    Reference:
        Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984, section 3.4.3 (the rule of one
        standard error).
    """
    few = np.sort(np.random.default_rng(0).permutation(len(labels))[:MOST])
    folds = _folds(labels[few], groups[few], classes=is_classifier(estimators[0]))
    if len(estimators) == 1 or not folds:
        return estimators[0]
    with threadpool_limits(1):  # which is faster for so few clips, on a busy machine many times
        rotated = _rotated(inputs[few])
        losses = np.stack([_losses(estimator, rotated, labels[few], folds) for estimator in estimators])
    best = int(losses.mean(axis=1).argmin())
    gain = losses[0] - losses[best]
    return estimators[best if gain.mean() > gain.std() / np.sqrt(len(gain)) else 0]


def _losses(estimator: Any, inputs: Values, labels: NDArray[Any], folds: Folds) -> Values:
    """Squared error of each clip's answer, float64 [N]."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # a class that a fold lacks has probability 0; Nystroem takes all clips there are
        if not is_classifier(estimator):
            errors = cross_val_predict(estimator, inputs, labels, cv=folds) - labels
            return np.asarray((errors**2).reshape(len(labels), -1).sum(axis=1))
        answers = cross_val_predict(estimator, inputs, labels, cv=folds, method="predict_proba")
    return np.asarray(((answers - (labels[:, None] == np.unique(labels))) ** 2).sum(axis=1))


def _folds(labels: NDArray[Any], groups: NDArray[Any], *, classes: bool) -> Folds:
    """Training and held-out rows of each fold; none where groups or classes are too few to hold some out."""
    number = min(FOLDS, len(np.unique(groups)))
    if number < 2:
        return []
    folds: Folds = list(GroupKFold(number, shuffle=True, random_state=0).split(labels, groups=groups))
    one_class = classes and any(len(np.unique(labels[train])) < 2 for train, _ in folds)
    return [] if one_class else folds


def _rotated(inputs: Values) -> Values:
    """The same clips in no more columns than there are clips, float64 [N, min(N, D)].

    Squared penalties, distances and cosines do not change under a rotation, and a fit costs a fraction of the time.
    """
    if len(inputs) >= inputs.shape[1]:
        return inputs
    left, sizes, _ = np.linalg.svd(inputs, full_matrices=False)
    return np.asarray(left * sizes)
