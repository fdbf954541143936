"""A label that is a value on a scale."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics.functional.regression import (
    mean_absolute_error,
    mean_squared_error,
    pearson_corrcoef,
    r2_score,
    spearman_corrcoef,
)

from music_affect.contracts.errors import ConfigurationError, TrainingError, did_you_mean
from music_affect.tasks.losses import LOSSES, concordance, value_losses
from music_affect.tasks.objective import Mixture, Objective

NAMES = ("spearman", "pearson", "r2", "mae", "rmse", "ccc")
EDGE = 0.02  # a mean nearer to an end of the scale than this share of it is moved in, where a sigmoid still has slope


class Regression(Objective):
    """A value on a scale; decided by Spearman's rank correlation. A missing label is NaN.

    Learnt as a standardised value and given back in the label's own units.

    Args:
        in_features: D, the size of the embedding.
        mean: of the training labels.
        sd: standard deviation of the training labels.
        low: lower end of the scale, or None.
        high: upper end of the scale, or None.
        loss: ``mse``, ``huber`` or ``ccc``.
        bounded: keeps predictions inside the scale, by a sigmoid, where it has two ends.

    Raises:
        ConfigurationError: the loss is not known.
    """

    categorical = False
    decides = "spearman"
    mean: Tensor
    sd: Tensor

    def __init__(
        self,
        in_features: int,
        mean: float = 0.0,
        sd: float = 1.0,
        low: float | None = None,
        high: float | None = None,
        loss: str = "mse",
        bounded: bool = True,
    ) -> None:
        super().__init__(in_features, 1)
        if loss not in LOSSES:
            raise ConfigurationError(
                f"task.regression.loss={loss}{did_you_mean(loss, LOSSES)}",
                expected=f"one of {', '.join(LOSSES)}",
                fix="correct it",
            )
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("sd", torch.tensor(float(sd)))
        self._loss = loss
        self._ends = (float(low), float(high)) if bounded and low is not None and high is not None else None

    def losses(self, output: Tensor, labels: Tensor, mixture: Mixture | None) -> tuple[Tensor, Tensor]:
        values = self._values(output)
        if values.shape != labels.shape:
            raise TrainingError(
                f"values of shape {list(values.shape)} against labels of shape {list(labels.shape)}",
                expected="one value a clip: other shapes would be broadcast, and the mean be learnt",
                fix="give the labels as [B]",
            )
        labels, shares = (labels, _known(labels)) if mixture is None else _blend(labels, mixture)
        losses = value_losses(self._loss, (values - self.mean) / self.sd, (labels - self.mean) / self.sd)
        return losses * shares, shares

    def predict(self, output: Tensor) -> Tensor:
        return self._values(output).unsqueeze(1)

    def answers(self, means: Tensor) -> Tensor:
        return means[:, 0]

    def scores(self, predictions: Tensor, labels: Tensor) -> dict[str, float]:
        there = labels.isfinite()
        predicted, labels = predictions[there, 0].float(), labels[there].float()
        if len(labels) < 2:
            return dict.fromkeys(NAMES, 0.0)
        varied = bool((labels != labels[0]).any())
        figures = {
            "r2": float(r2_score(predicted, labels)) if varied else 0.0,
            "mae": float(mean_absolute_error(predicted, labels)),
            "rmse": math.sqrt(float(mean_squared_error(predicted, labels))),
        }
        # A correlation with a constant is undefined; it counts as none, so that no NaN decides over weights.
        constant = not varied or bool((predicted == predicted[0]).all())
        correlations = {"spearman": spearman_corrcoef, "pearson": pearson_corrcoef, "ccc": concordance}
        figures |= {name: 0.0 if constant else float(call(predicted, labels)) for name, call in correlations.items()}
        return {name: figures[name] for name in NAMES}

    def _values(self, output: Tensor) -> Tensor:
        """Values in the label's units [B] of outputs [B, 1]."""
        z = output.squeeze(1)
        if self._ends is None:
            return self.mean + self.sd * z
        low, high = self._ends
        share = ((self.mean - low) / (high - low)).clamp(EDGE, 1 - EDGE)
        # At z = 0 the curve has the value and the slope of mean + sd * z.
        slope = self.sd / ((high - low) * share * (1 - share))
        return low + (high - low) * torch.sigmoid(torch.logit(share) + slope * z)


def _blend(labels: Tensor, mixture: Mixture) -> tuple[Tensor, Tensor]:
    """Labels of mixed rows [B] and how much of each row they tell of [B]; where one is missing, the other one's."""
    partner = labels[mixture.partner]
    blended = torch.lerp(partner, labels, mixture.weight)
    known = torch.where(labels.isfinite(), labels, partner)
    shares = torch.lerp(_known(partner), _known(labels), mixture.weight)
    return torch.where(blended.isfinite(), blended, known), shares


def _known(labels: Tensor) -> Tensor:
    return labels.isfinite().to(labels.dtype)
