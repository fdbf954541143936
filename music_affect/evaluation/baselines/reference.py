"""What every reference does: it standardises the statistics, chooses its settings, and becomes plain arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from music_affect.contracts.errors import ConfigurationError, LabelError
from music_affect.contracts.spec import Categorical, Continuous, Tags, Target
from music_affect.evaluation.baselines.choice import MOST, choose
from music_affect.evaluation.baselines.fitted import Fitted, Statistics


class Learnt(NamedTuple):
    """A fitted estimator and what it was fitted on.

    Args:
        estimator: of scikit-learn, fitted.
        inputs: standardised statistics, float [N, D].
        labels: class indices, int [N], values, float64 [N], or of tags 1 and 0, float64 [N, C].
        target: what the label is.
        scaler: that has standardised the statistics.
    """

    estimator: Any
    inputs: NDArray[np.floating[Any]]
    labels: NDArray[Any]
    target: Target
    scaler: StandardScaler


class Reference(ABC):
    """A model of clip statistics, fitted by scikit-learn."""

    answers: ClassVar[tuple[type[Target], ...]] = (Categorical, Continuous, Tags)
    precision: ClassVar[type[np.floating[Any]]] = np.float64

    @abstractmethod
    def estimators(self, target: Target, clips: int, figures: int) -> Sequence[Any]:
        """Unfitted estimators of scikit-learn for so many clips and standardised statistics; the usual one first."""

    @abstractmethod
    def plain(self, learnt: Learnt) -> Fitted:
        """Returns the arrays that answer as the fitted estimator does."""

    def fit(
        self, statistics: Statistics, labels: NDArray[Any], target: Target, groups: NDArray[Any] | None = None
    ) -> Fitted:
        """Learns from the training clips that carry the label.

        Args:
            statistics: one row a clip, float32 [N, D].
            labels: class indices, int [N], finite values, float64 [N], or of tags 1 and 0, float [N, C].
            target: what the label is; classes without a training clip get probability 0, and no value leaves the scale.
            groups: artist or track of each clip, [N], held out together where settings are chosen; None where each
                clip stands for itself.

        Raises:
            ConfigurationError: it is no reference for labels of this kind.
            LabelError: there is no clip.
        """
        self._check(labels, target)
        scaler = _scaler(statistics)
        inputs = scaler.transform(statistics.astype(np.float64))
        labels = labels if isinstance(target, Categorical) else labels.astype(np.float64)
        candidates = self.estimators(target, *inputs.shape)
        chosen = choose(candidates, inputs, labels, np.arange(len(labels)) if groups is None else groups)
        inputs = inputs.astype(self.precision)
        # A fit on few clips takes longer on several threads than on one, and many times longer on a busy machine.
        with threadpool_limits(1 if len(labels) <= MOST else None):
            return self.plain(Learnt(chosen.fit(inputs, labels), inputs, labels, target, scaler))

    def _check(self, labels: NDArray[Any], target: Target) -> None:
        if not isinstance(target, self.answers):
            raise ConfigurationError(
                f"{type(self).__name__} for labels that are {target.to_dict()['kind']}",
                expected="a reference for labels of this kind",
                fix="correct model.reference.classification or model.reference.regression",
            )
        if len(labels) == 0:
            raise LabelError(
                "no training clip has this label",
                expected="at least one",
                fix="look at the label file and the split, or leave the target out",
            )


def _scaler(statistics: Statistics) -> StandardScaler:
    scaler = StandardScaler().fit(statistics.astype(np.float64))
    # A column that hardly moves is constant but for rounding; dividing by it would blow the rounding up.
    constant = np.sqrt(scaler.var_) <= 1e-5 * (1 + np.abs(scaler.mean_))
    scaler.scale_ = np.where(constant, 1.0, scaler.scale_)
    return scaler
