"""Convolutions that do not see padding, shared by the architectures that start with a spectrogram as an image."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from music_affect.models.backbone import length_mask


def padding_mask(lengths: Tensor, frames: int, *, training: bool) -> Tensor | None:
    """True where a frame belongs to the clip, or None where nothing is padded: the faster path with equal numbers.

    Args:
        lengths: valid frames of each clip, int64 [B].
        frames: T of the batch.
        training: whether the asking module is in training mode.

    Returns:
        bool [B, T], or None.
    """
    mask = length_mask(lengths, frames)
    # An exported program has no branches on data: it always masks.
    if not training and torch.compiler.is_compiling():
        return mask
    return None if bool(mask.all()) else mask


def to_image(spectrogram: Tensor, mask: Tensor | None) -> Tensor:
    """A spectrogram [B, T, F] as an image [B, 1, T, F] with whatever stands in the padding removed."""
    if mask is not None:
        spectrogram = spectrogram * mask.unsqueeze(2)
    return spectrogram.unsqueeze(1)


class MaskedConvolution(nn.Module):
    """3x3 convolution, batch norm over the valid frames, ReLU, zeros again in the padding.

    A stride of 2 halves a size and rounds up, so no size ever falls below 1. The batch norm is a plain
    ``nn.BatchNorm2d`` that is shown the valid frames only; its statistics are those of the same clips without padding.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: of time and of frequency.

    Reference:
        S. Ioffe and C. Szegedy, "Batch Normalization", ICML 2015.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.time_stride = stride[0]
        self.convolution = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, image: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Convolve.

        Args:
            image: float [B, C, T, F], zero in the padding.
            mask: True where a frame is valid, bool [B, T]; None where nothing is padded.

        Returns:
            The image [B, out_channels, T', F'], zero in the padding, and its mask [B, T'].
        """
        image = self.convolution(image)
        if mask is None:
            return F.relu(normalise(self.norm, image), inplace=True), None
        mask = mask[:, :: self.time_stride]
        if self.training:
            return _normalise_valid(self.norm, image, mask), mask
        return F.relu(self.norm(image)) * mask[:, None, :, None], mask


def _normalise_valid(norm: nn.BatchNorm2d, image: Tensor, mask: Tensor) -> Tensor:
    """Batch norm and ReLU of the valid frames alone, put back in their places among zeros: [B, C, T, F] both ways."""
    frames = image.permute(0, 2, 3, 1)
    valid = frames[mask].unsqueeze(1).permute(0, 3, 1, 2)  # a batch of single frames, [valid frames, C, 1, F]
    valid = F.relu(normalise(norm, valid), inplace=True).permute(0, 2, 3, 1).squeeze(1)
    return frames.new_zeros(frames.shape, dtype=valid.dtype).index_put((mask,), valid).permute(0, 3, 1, 2)


def normalise(norm: nn.BatchNorm2d, image: Tensor) -> Tensor:
    """Batch norm of an image [B, C, T, F] without padding, also of one with a single value a channel."""
    # One value a channel has no variance: fall back on the running statistics, as outside training.
    if norm.training and image.numel() == image.shape[1]:
        return F.batch_norm(image, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
    normalised: Tensor = norm(image)
    return normalised
