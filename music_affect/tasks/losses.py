"""What a wrong value costs, on standardised values."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LOSSES = ("mse", "huber", "ccc")


def value_losses(name: str, predicted: Tensor, labels: Tensor) -> Tensor:
    """Loss of each row.

    Args:
        name: ``mse`` (squared distance), ``huber`` (squared up to one standard deviation, linear beyond) or ``ccc``
            (one minus the concordance correlation of the batch, the same for each of its rows).
        predicted: standardised values [B].
        labels: of the same shape [B].
    """
    if name == "mse":
        return (predicted - labels).square()
    if name == "huber":
        return F.huber_loss(predicted, labels, reduction="none")
    return (1 - concordance(predicted, labels)).expand_as(predicted)


def concordance(predicted: Tensor, labels: Tensor) -> Tensor:
    """Concordance correlation coefficient of two rows of numbers [B], a scalar; 0 where both are constant.

    ``2 cov / (var + var + (mean - mean)^2)``

    Reference: L. I.-K. Lin, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45, 1989.
    """
    distance = (predicted.mean() - labels.mean()).square()
    spread = predicted.var(correction=0) + labels.var(correction=0)
    together = ((predicted - predicted.mean()) * (labels - labels.mean())).mean()
    return 2 * together / (spread + distance).clamp(min=torch.finfo(predicted.dtype).eps)
