"""What the processes of one training run tell each other; with one process every function gives back what it got."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Processes that train together; 1 outside of such a group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number of this process in its group; 0 outside of one."""
    return dist.get_rank() if world_size() > 1 else 0


def total(values: Tensor) -> Tensor:
    """Sum over all processes, of the same shape; carries no gradient."""
    return values if world_size() == 1 else _summed(values)


def differentiable_total(values: Tensor) -> Tensor:
    """Sum over all processes; the gradient of every process's loss flows back through it."""
    if world_size() == 1:
        return values
    summed: Tensor = _Total.apply(values)  # type: ignore[no-untyped-call]
    return summed


def gathered(rows: Tensor) -> Tensor:
    """Rows [n, ...] of every process one after the other, [N, ...]; n may differ, but not be 0."""
    if world_size() == 1:
        return rows
    sizes = [int(size) for size in _gathered(torch.tensor([len(rows)], device=rows.device))]
    padded = rows.new_zeros(max(sizes), *rows.shape[1:])
    padded[: len(rows)] = rows
    return torch.cat([part[:size] for part, size in zip(_gathered(padded), sizes, strict=True)])


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _summed(gradients[0])


def _summed(values: Tensor) -> Tensor:
    summed = values.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(summed)
    return summed


def _gathered(values: Tensor) -> list[Tensor]:
    parts = [torch.empty_like(values) for _ in range(world_size())]
    dist.all_gather(parts, values)
    return parts
