"""Kernel ridge regression of clip statistics: a smooth function of them that need not be linear."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from music_affect.contracts.spec import Continuous, Target
from music_affect.evaluation.baselines.fitted import KernelMap
from music_affect.evaluation.baselines.reference import Learnt, Reference

EXACT = 2000  # clips; of more, time would grow with their cube and memory with their square
LANDMARKS = 1000  # clips that then stand for all


class KernelReference(Reference):
    """Ridge regression with the kernel exp(-gamma * squared distance), for a scale.

    Up to 2000 training clips it is exact. Of more, all of them teach a function of the similarities to 1000 clips drawn
    at random (Nystroem's approximation), so that memory stays linear in their number.

    Args:
        penalties: on the squared norm of the function, the usual one first.
        gammas: how fast a similarity falls with the squared distance, for every statistic, the usual one first: of D
            statistics the kernel's gamma is a D-th of this, since two clips are about 2 D apart. Another pair is taken
            where it answers held-out training clips clearly better.

    Reference:
        Saunders, Gammerman and Vovk, Ridge regression learning algorithm in dual variables, ICML 1998; Williams and
        Seeger, Using the Nystroem method to speed up kernel machines, NIPS 2000.
    """

    answers = (Continuous,)

    def __init__(
        self, penalties: Sequence[float] = (0.1, 0.03, 0.3, 1.0), gammas: Sequence[float] = (0.3, 0.1, 1.0)
    ) -> None:
        self.penalties, self.gammas = penalties, gammas

    def estimators(self, target: Target, clips: int, figures: int) -> Sequence[Any]:
        make = _exact if clips <= EXACT else _approximate
        return [make(penalty, gamma / figures) for penalty, gamma in product(self.penalties, self.gammas)]

    def plain(self, learnt: Learnt) -> KernelMap:
        estimator, scaler = learnt.estimator, learnt.scaler
        if isinstance(estimator, Pipeline):
            kernel, ridge = estimator[0], estimator[-1]
            support, gamma, bias = kernel.components_, kernel.gamma, float(ridge.intercept_)
            weights = kernel.normalization_.T @ ridge.coef_
        else:
            ridge = estimator.regressor_
            support, gamma, bias = learnt.inputs, ridge.gamma, float(estimator.transformer_.mean_[0])
            weights = ridge.dual_coef_
        weights = np.asarray(weights, np.float64).reshape(-1)
        arrays = (scaler.mean_, scaler.scale_, support.astype(np.float32), weights)
        return KernelMap(learnt.target, *arrays, bias=bias, gamma=float(gamma))


def _exact(penalty: float, gamma: float) -> TransformedTargetRegressor:
    """Kernel ridge regression around the mean of the labels, since it has no intercept."""
    ridge = KernelRidge(alpha=penalty, kernel="rbf", gamma=gamma)
    return TransformedTargetRegressor(ridge, transformer=StandardScaler(with_std=False), check_inverse=False)


def _approximate(penalty: float, gamma: float) -> Pipeline:
    similarities = Nystroem(gamma=gamma, n_components=LANDMARKS, random_state=0)
    return Pipeline([("similarities", similarities), ("ridge", Ridge(alpha=penalty))])
