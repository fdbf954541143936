"""How the losses of several labels become one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from music_affect.contracts.errors import ConfigurationError


class Weighting(nn.Module, ABC):
    """Combines losses.

    Args:
        labels: for each label, whether it is a class (True) or a value on a scale.
    """

    learned = False

    def __init__(self, labels: Mapping[str, bool]) -> None:
        super().__init__()
        self._labels = dict(labels)

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """What each label's loss is multiplied by, a scalar each."""

    def forward(self, losses: Mapping[str, Tensor], there: Mapping[str, Tensor] | None = None) -> Tensor:
        """One loss, a scalar.

        Args:
            losses: a scalar a label, 0 where no row carries it.
            there: whether some row carries the label, 0 or 1, a scalar each; None where all do.
        """
        weights = self.weights()
        return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()


class Fixed(Weighting):
    """Weights by the name of the label.

    Args:
        labels: whether each is a class.
        weights: of every label, or None for 1 each: the plain sum.

    Raises:
        ConfigurationError: the names are not those of the task's labels, or a weight is negative.
    """

    def __init__(self, labels: Mapping[str, bool], weights: Mapping[str, float] | None = None) -> None:
        super().__init__(labels)
        given = {name: float(value) for name, value in (weights or dict.fromkeys(labels, 1.0)).items()}
        if given.keys() != labels.keys() or min(given.values()) < 0:
            raise ConfigurationError(
                f"weighting.weights={given}",
                expected=f"a weight of 0 or more for each of {', '.join(labels)}",
                fix="write weighting.weights={NAME: 1.0, …} with the task's labels",
            )
        self._given = given

    def weights(self) -> dict[str, Tensor]:
        return {name: torch.tensor(value) for name, value in self._given.items()}


class Balanced(Weighting):
    """The class label weighs as much as all scales together, whatever their number."""

    def weights(self) -> dict[str, Tensor]:
        scales = max(1, sum(not is_class for is_class in self._labels.values()))
        return {name: torch.tensor(1.0 if is_class else 1.0 / scales) for name, is_class in self._labels.items()}


class Uncertainty(Weighting):
    """Learned weights: each label has a noise of its own, and what is noisier counts less.

    ``sum of w * loss + s / 2`` with ``w = exp(-s) / 2`` for a scale, ``exp(-s)`` for a class, and s learnt.

    Reference: A. Kendall, Y. Gal and R. Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018.
    """

    learned = True

    def __init__(self, labels: Mapping[str, bool]) -> None:
        super().__init__(labels)
        self.log_variances = nn.Parameter(torch.zeros(len(labels)))

    def weights(self) -> dict[str, Tensor]:
        precision = (-self.log_variances).exp()
        return {
            name: precision[place] * (1.0 if is_class else 0.5)
            for place, (name, is_class) in enumerate(self._labels.items())
        }

    def forward(self, losses: Mapping[str, Tensor], there: Mapping[str, Tensor] | None = None) -> Tensor:
        # A label that is not there must not move its own noise.
        present = 1.0 if there is None else torch.stack([there[name] for name in self._labels])
        return super().forward(losses) + (self.log_variances * present).sum() / 2
