"""Batch norm over the batch of all processes."""

from __future__ import annotations

import torch
from lightning.pytorch.plugins.layer_sync import LayerSync
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from music_affect.system.collectives import differentiable_total, total, world_size


class SharedBatchNorm(_BatchNorm):
    """Batch norm whose statistics are those of the rows of all processes together.

    The mean is taken before the squares are summed, so that large values lose no digits. Unlike PyTorch's own layer of
    this kind it also runs on CPUs. Outside of a group, and in evaluation, it is an ordinary batch norm.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Any image or sequence [B, C, ...] will do."""

    def forward(self, input: Tensor) -> Tensor:
        """Values [B, C, ...], normalised by channel; B and what follows C may differ between processes."""
        if not self.training or world_size() == 1:
            return super().forward(input)
        values = input.to(torch.promote_types(input.dtype, torch.float32))
        axes = [axis for axis in range(values.dim()) if axis != 1]
        wide = [-1 if axis == 1 else 1 for axis in range(values.dim())]
        count = total(values.new_tensor(values.numel() / values.shape[1]))
        mean = differentiable_total(values.sum(axes)) / count
        centred = values - mean.view(wide)
        variance = differentiable_total(centred.square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        normalised = centred * (variance + self.eps).rsqrt().view(wide)
        if self.affine:
            normalised = normalised * self.weight.view(wide) + self.bias.view(wide)
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)


class SharedStatistics(LayerSync):
    """Lightning's plugin that puts a ``SharedBatchNorm`` in the place of every batch norm.

    Parameters, buffers and their names stay.
    """

    def apply(self, model: nn.Module) -> nn.Module:
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, _BatchNorm) and not isinstance(child, SharedBatchNorm):
                    setattr(parent, name, _shared(child))
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        return model  # outside of a group it is an ordinary batch norm


def _shared(norm: _BatchNorm) -> SharedBatchNorm:
    made = SharedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    made._parameters, made._buffers = norm._parameters, norm._buffers
    return made.train(norm.training)
