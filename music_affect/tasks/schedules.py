"""Learning rates over the steps of a run."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_cosine(optimizer: Optimizer, total_steps: int, warmup: float = 0.2) -> LambdaLR:
    """Rises linearly during the first share of the steps, then falls to zero along half a cosine.

    Args:
        optimizer: whose rates are scaled.
        total_steps: optimizer steps of the whole run.
        warmup: share of them in which the rate rises.

    Reference: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.
    """
    rising = max(1, round(warmup * total_steps))

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        done = (step - rising) / max(1, total_steps - rising)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    return LambdaLR(optimizer, factor)


def constant(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """The rate as configured, from the first step to the last of ``total_steps``."""
    return LambdaLR(optimizer, lambda step: 1.0)
