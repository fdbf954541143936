"""Convolutional networks that end in a flatten."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from music_affect.contracts.errors import ConfigurationError
from music_affect.models.backbone import Backbone
from music_affect.models.convolution_block import ConvolutionBlock
from music_affect.models.dense import dense_layers
from music_affect.models.masked_convolution import padding_mask, to_image


class FlatCNN(Backbone):
    """Convolutions with max pooling, flattened, then dense layers: each place in a clip has weights of its own.

    Every clip is an image of ``max_frames`` frames, filled up with zeros, which is the mean of standardised features.
    So neither a batch's padding nor its neighbours change an answer or a batch norm's statistics. A longer clip is
    read in evenly spread windows of ``max_frames``, whose embeddings are averaged.

    Any size will do: a side shorter than a kernel is filled up with zeros to the kernel's size, and a pool takes no
    more than the side has, so a side of 1 is not pooled. Elsewhere sizes are rounded down, as published.

    Args:
        num_features: F, the columns of a spectrogram.
        max_frames: frames of the image that the flatten is sized for.
        channels: of each convolution.
        kernels: frames and rows of each convolution's square kernel; one number stands for all.
        strides: of each convolution in time and frequency; one number stands for all.
        padding: zeros around the input of each convolution; one number stands for all.
        pools: size and stride of the max pooling after each convolution, 1 for none; one number stands for all.
        activation: name out of ``music_affect.models.dense.ACTIVATIONS``, after convolutions and dense layers.
        batch_norm: whether each convolution is followed by one.
        linear: sizes of the dense layers before the head; none makes the flattened values the embedding.
        dropout: share of the flattened values dropped in training.
        linear_dropout: share of each dense layer's output dropped in training.

    Attributes:
        flat_features: values that the flatten gives.

    Raises:
        ConfigurationError: the activation is not known, or a list of settings is not as long as ``channels``.

    Reference:
        Y. LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the IEEE 86, 1998.
    """

    def __init__(
        self,
        num_features: int,
        max_frames: int,
        *,
        channels: Sequence[int] = (32, 64, 128, 256),
        kernels: int | Sequence[int] = 3,
        strides: int | Sequence[int] = (2, 1, 1, 1),
        padding: int | Sequence[int] = 1,
        pools: int | Sequence[int] = 2,
        activation: str = "relu",
        batch_norm: bool = True,
        linear: Sequence[int] = (128,),
        dropout: float = 0.3,
        linear_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.max_frames = max_frames
        settings = {"kernels": kernels, "strides": strides, "padding": padding, "pools": pools}
        each = zip(*(_for_each(name, value, len(channels)) for name, value in settings.items()), strict=True)
        self.layers, size = nn.Sequential(), (max_frames, num_features)
        for before, after, own in zip([1, *channels[:-1]], channels, each, strict=True):
            block = ConvolutionBlock(before, after, size, *own, activation=activation, batch_norm=batch_norm)
            self.layers.append(block)
            size = block.out_size
        self.flat_features = channels[-1] * math.prod(size)
        self.dropout = nn.Dropout(dropout)
        self.linear = dense_layers(self.flat_features, linear, activation=activation, dropout=linear_dropout)
        self.out_features = [self.flat_features, *linear][-1]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        frames = spectrogram.shape[1]
        image = to_image(spectrogram, padding_mask(lengths, frames, training=self.training))
        if frames <= self.max_frames:
            return self._embed(F.pad(image, (0, 0, 0, self.max_frames - frames)))
        windows, clips = _windows(image, lengths, self.max_frames)
        sums = image.new_zeros(len(lengths), self.out_features).index_add(0, clips, self._embed(windows).to(image))
        return sums / clips.bincount(minlength=len(lengths)).unsqueeze(1)

    def _embed(self, image: Tensor) -> Tensor:
        """Images [N, 1, max_frames, F] to embeddings [N, D]."""
        convolved = self.layers(image.contiguous(memory_format=torch.channels_last))
        embedding: Tensor = self.linear(self.dropout(convolved.flatten(1)))
        return embedding


def _windows(image: Tensor, lengths: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """Windows [N, 1, frames, F] that cover every clip of an image [B, 1, T, F], and the clip of each [N]."""
    counts = -(-lengths // frames)
    clips = torch.arange(len(lengths), device=lengths.device).repeat_interleave(counts)
    places = torch.arange(len(clips), device=lengths.device) - (counts.cumsum(0) - counts)[clips]
    room = (lengths - frames).clamp(min=0)[clips]
    starts = room * places // (counts[clips] - 1).clamp(min=1)
    columns = starts.unsqueeze(1) + torch.arange(frames, device=lengths.device)
    return image[clips.unsqueeze(1), :, columns].transpose(1, 2), clips


def _for_each(name: str, value: int | Sequence[int], count: int) -> Sequence[int]:
    """A setting for each convolution."""
    values = [value] * count if isinstance(value, int) else value
    if len(values) != count:
        raise ConfigurationError(
            f"{name} has {len(values)} values for {count} convolutions",
            expected="one number for all, or as many as there are channels",
            fix=f"correct model.net.{name} or model.net.channels",
        )
    return values
