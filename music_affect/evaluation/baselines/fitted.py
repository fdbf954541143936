"""Fitted references as plain arrays: what a checkpoint holds of them, and their answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics.pairwise import cosine_similarity, rbf_kernel

from music_affect.contracts.spec import Categorical, Continuous, Tags, Target

Statistics = NDArray[np.float32]
Values = NDArray[np.float64]

ROWS = 2048  # clips that are answered at a time, so that their distances to the training clips fit in memory


@dataclass(frozen=True)
class Fitted(ABC):
    """A fitted reference.

    Args:
        target: what the label is.
        mean: of each statistic over the training clips, float64 [D].
        scale: standard deviation of each statistic over the training clips, float64 [D].
    """

    target: Target
    mean: Values
    scale: Values

    def predict(self, statistics: Statistics) -> Values:
        """Probabilities of classes or tags [N, C], or values inside their scale [N], of statistics [N, D].

        Those of classes sum to 1.
        """
        parts = [statistics[begin : begin + ROWS] for begin in range(0, max(len(statistics), 1), ROWS)]
        outputs: Values = np.concatenate([self._outputs((part - self.mean) / self.scale) for part in parts])
        if not isinstance(self.target, Continuous):
            return outputs
        low, high = self.target.low, self.target.high
        return np.asarray(np.clip(outputs[:, 0], -np.inf if low is None else low, np.inf if high is None else high))

    @abstractmethod
    def _outputs(self, inputs: Values) -> Values:
        """Probabilities [N, C] or values [N, 1] of standardised statistics [N, D]."""

    def to_dict(self) -> dict[str, Any]:
        """Tensors and numbers by name, which a checkpoint holds without pickling a class."""
        own = {name: value for name, value in vars(self).items() if name != "target"}
        arrays = {name: torch.from_numpy(value) for name, value in own.items() if isinstance(value, np.ndarray)}
        return {"kind": type(self).__name__, **own, **arrays}


@dataclass(frozen=True)
class LinearMap(Fitted):
    """A reference that is linear in the standardised statistics.

    Args:
        weights: float64 [K, D], of K classes, K tags or one value.
        bias: float64 [K]; minus infinity for a class or a tag without a training clip.
    """

    weights: Values
    bias: Values

    def _outputs(self, inputs: Values) -> Values:
        outputs: Values = inputs @ self.weights.T + self.bias
        if isinstance(self.target, Tags):
            return np.asarray(expit(outputs))
        if not isinstance(self.target, Categorical):
            return outputs
        odds: Values = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class KernelMap(Fitted):
    """A value that is linear in a clip's similarities to some training clips, exp(-gamma * squared distance).

    Args:
        support: standardised statistics of these clips, float32 [M, D].
        weights: of the similarities, float64 [M].
        bias: the value far away from all of them.
        gamma: how fast a similarity falls with the squared distance.
    """

    support: Statistics
    weights: Values
    bias: float
    gamma: float

    def _outputs(self, inputs: Values) -> Values:
        similarities: Values = rbf_kernel(inputs, self.support.astype(np.float64), gamma=self.gamma)
        return (similarities @ self.weights + self.bias)[:, None]


@dataclass(frozen=True)
class Neighbours(Fitted):
    """The mean label of the training clips that are nearest in direction (by the cosine of the angle).

    Args:
        support: standardised statistics of the training clips, float32 [M, D].
        labels: of these clips, class indices, int64 [M], values, float64 [M], or tags, float64 [M, C].
        count: how many neighbours answer.
    """

    support: Statistics
    labels: NDArray[Any]
    count: int

    def _outputs(self, inputs: Values) -> Values:
        similarities = cosine_similarity(inputs, self.support.astype(np.float64))
        nearest = self.labels[np.argsort(-similarities, axis=1, kind="stable")[:, : self.count]]
        if not isinstance(self.target, Categorical):
            return np.asarray(nearest.mean(axis=1).reshape(len(inputs), -1))
        return np.stack([(nearest == index).mean(axis=1) for index in range(self.target.num_classes)], axis=1)


KINDS: Mapping[str, type[Fitted]] = {kind.__name__: kind for kind in (LinearMap, KernelMap, Neighbours)}


def from_dict(plain: Mapping[str, Any], target: Target) -> Fitted:
    """Inverse of ``Fitted.to_dict``."""
    arrays = {name: value.numpy() for name, value in plain.items() if isinstance(value, torch.Tensor)}
    own = {name: value for name, value in {**plain, **arrays}.items() if name != "kind"}
    return KINDS[plain["kind"]](target, **own)
