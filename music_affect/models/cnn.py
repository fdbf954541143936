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
    """3x3 convolutions with 2x2 max pooling between; mean over frequency, then mean and maximum over time.

    The first convolution has stride 2, which makes a step about five times faster. Pools take whole pairs and leave an
    odd last one out; a size of 1 stays 1, so any number of frames and features will do.

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
        for place, layer in enumerate(self.layers):
            if place:
                image, mask = _pool(image, mask)
            image, mask = layer(image, mask)
        frames = image.mean(3).transpose(1, 2)  # [B, T', C]
        embedding: Tensor = self.dropout(self.pooling(frames, mask))
        return embedding


def _pool(image: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The maximum of each whole pair in time and frequency: image [B, C, T, F], zero in the padding, mask [B, T]."""
    frames, rows = image.shape[2:]
    image = F.max_pool2d(image, (min(2, frames), min(2, rows)))
    if mask is None or frames == 1:
        return image, mask
    # A pair counts where both are valid. A clip of one frame keeps it: after ReLU, zeros never win against a value.
    mask = mask[:, 1::2].clone()
    mask[:, 0] = True
    return image * mask[:, None, :, None], mask
