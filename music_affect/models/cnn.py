"""Convolutional network with pooling over time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from music_affect.models.backbone import Backbone
from music_affect.models.masked_convolution import MaskedConvolution, padding_mask, to_image
from music_affect.models.pooling import MaskedPooling


class CNN(Backbone):
    """3x3 convolutions with 2x2 max pooling; mean over frequency, then mean and maximum over time.

    The first convolution has stride 2, which makes a step about five times faster. Every size is halved rounding up,
    so any number of frames and features will do; a size of 1 stays 1.

    Args:
        num_features: F, the columns of a spectrogram; the same weights fit any.
        max_frames: the longest clip; the same weights fit any.
        channels: of each convolution.
        dropout: share of the embedding dropped in training.

    Reference:
        K. Choi, G. Fazekas and M. Sandler, "Automatic tagging using deep convolutional neural networks", ISMIR 2016.
    """

    def __init__(
        self,
        num_features: int,
        max_frames: int,
        *,
        channels: Sequence[int] = (32, 64, 128, 256),
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MaskedConvolution(before, after, stride=(2, 2) if before == 1 else (1, 1))
            for before, after in zip([1, *channels[:-1]], channels, strict=True)
        )
        self.pooling = MaskedPooling("mean_max", channels[-1])
        self.dropout = nn.Dropout(dropout)
        self.out_features = self.pooling.out_features
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        mask = padding_mask(lengths, spectrogram.shape[1], training=self.training)
        image = to_image(spectrogram, mask).contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            image, mask = layer(image, mask)
            # After ReLU the zeros of the padding never win against a valid value.
            image = F.max_pool2d(image, 2, ceil_mode=True)
            mask = None if mask is None else mask[:, ::2]
        frames = image.mean(3).transpose(1, 2)  # [B, T', C]
        embedding: Tensor = self.dropout(self.pooling(frames, mask))
        return embedding
