"""What a wrong value costs, on standardised values.

Missing labels are masked, not left out: a GPU would stop and wait for the number of those that are there.
"""

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
        labels: of the same shape [B], NaN where they are missing; such a row costs nothing.
    """
    there = labels.isfinite()
    wanted = torch.where(there, labels, predicted.detach())
    if name == "mse":
        return (predicted - wanted).square()
    if name == "huber":
        return F.huber_loss(predicted, wanted, reduction="none")
    return torch.where(there, 1 - concordance(predicted, labels), 0.0)


def concordance(predicted: Tensor, labels: Tensor) -> Tensor:
    """Concordance correlation coefficient of two rows of numbers [B], a scalar; 0 where both are constant.

    ``2 cov / (var + var + (mean - mean)^2)`` of the rows whose label is not NaN

    Reference: L. I.-K. Lin, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45, 1989.
    """
    there = labels.isfinite()
    count = there.sum().clamp(min=1)

    def mean(values: Tensor) -> Tensor:
        return torch.where(there, values, 0.0).sum() / count

    first, second = predicted - mean(predicted), torch.where(there, labels - mean(labels), 0.0)
    distance = (mean(predicted) - mean(labels)).square()
    spread = mean(first.square()) + mean(second.square())
    return 2 * mean(first * second) / (spread + distance).clamp(min=torch.finfo(predicted.dtype).eps)
