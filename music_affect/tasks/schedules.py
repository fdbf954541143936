"""Learning rates over a run: one function a schedule, most of them PyTorch's own.

Their settings are shares of the run instead of steps or epochs, so that they fit a run of any length; the configured
rate is always the highest. What a function returns is stepped after every optimizer step, a ``ReduceLROnPlateau`` after
every epoch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
)

from music_affect.contracts.errors import ConfigurationError


def warmup_cosine(optimizer: Optimizer, total_steps: int, epochs: int, warmup: float = 0.2) -> LambdaLR:
    """Rises linearly during the first share of the steps, then falls to zero along half a cosine.

    Args:
        optimizer: whose rates are scaled.
        total_steps: optimizer steps of the whole run.
        epochs: of the whole run.
        warmup: share of the steps in which the rate rises; 0 for none.

    Raises:
        ConfigurationError: ``warmup`` is no share of the run, such as a number of epochs.

    Reference: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.
    """
    if warmup:
        _check_share("warmup", warmup)
    rising = max(1, round(warmup * total_steps))

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        done = (step - rising) / max(1, total_steps - rising)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    return LambdaLR(optimizer, factor)


def constant(optimizer: Optimizer, total_steps: int, epochs: int) -> LambdaLR:
    """The rate as configured, from the first step to the last."""
    return LambdaLR(optimizer, lambda step: 1.0)


def cosine(optimizer: Optimizer, total_steps: int, epochs: int) -> CosineAnnealingLR:
    """Falls to zero along half a cosine, from the first step on.

    Reference: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.
    """
    return CosineAnnealingLR(optimizer, T_max=total_steps)


def linear(optimizer: Optimizer, total_steps: int, epochs: int) -> LinearLR:
    """Falls to zero along a straight line, from the first step on."""
    return LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=total_steps)


def exponential(optimizer: Optimizer, total_steps: int, epochs: int, final: float = 0.01) -> ExponentialLR:
    """Falls by the same factor at every step.

    Args:
        optimizer: whose rates are scaled.
        total_steps: optimizer steps of the whole run.
        epochs: of the whole run.
        final: rate at the end of the run, as a share of the configured one.

    Raises:
        ConfigurationError: ``final`` is no share above zero.
    """
    _check_share("final", final)
    return ExponentialLR(optimizer, gamma=final ** (1 / total_steps))


def step(
    optimizer: Optimizer, total_steps: int, epochs: int, milestones: Sequence[float] = (0.5, 0.75), gamma: float = 0.1
) -> MultiStepLR:
    """Stays, and falls by a factor at each milestone.

    Args:
        optimizer: whose rates are scaled.
        total_steps: optimizer steps of the whole run.
        epochs: of the whole run.
        milestones: shares of the run after which the rate falls.
        gamma: factor of each fall.

    Raises:
        ConfigurationError: a milestone is no share of the run, such as a number of epochs.
    """
    for share in milestones:
        _check_share("milestones", share)
    return MultiStepLR(optimizer, [round(share * total_steps) for share in milestones], gamma=gamma)


def one_cycle(
    optimizer: Optimizer,
    total_steps: int,
    epochs: int,
    warmup: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 10_000.0,
) -> OneCycleLR:
    """Rises from a low rate to the configured one and falls to next to nothing, each along half a cosine.

    The momentum stays as configured, so that optimizers without one can be used too.

    Args:
        optimizer: whose rates are the peaks.
        total_steps: optimizer steps of the whole run.
        epochs: of the whole run.
        warmup: share of the steps in which the rate rises.
        div_factor: the peak divided by this is the first rate.
        final_div_factor: the first rate divided by this is the last.

    Raises:
        ConfigurationError: ``warmup`` is no share of the run.

    Reference: Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates",
        2019.
    """
    _check_share("warmup", warmup)
    rising = max(1.5, warmup * total_steps)  # PyTorch divides by one less
    steps = total_steps + 1  # the lowest rate stands after the last step, as in the other schedules
    return OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=steps,
        pct_start=rising / steps,
        cycle_momentum=False,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
    )


def plateau(
    optimizer: Optimizer,
    total_steps: int,
    epochs: int,
    mode: Literal["min", "max"],
    factor: float = 0.3,
    patience: int = 5,
) -> ReduceLROnPlateau:
    """Stays while the watched figure gets better, and falls by a factor when it no longer does.

    Args:
        optimizer: whose rates are scaled.
        total_steps: optimizer steps of the whole run.
        epochs: of the whole run.
        mode: whether the figure gets better by falling or by rising.
        factor: of each fall.
        patience: epochs without a better figure that are let pass.

    Raises:
        ConfigurationError: ``factor`` would not lower the rate.
    """
    _check_share("factor", factor)
    return ReduceLROnPlateau(optimizer, mode=mode, factor=factor, patience=patience)


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ConfigurationError(
            f"scheduler.{name} holds {value}",
            expected="a share above 0 and below 1",
            fix="write 0.5 for one half; epochs and steps are not counted here",
        )
