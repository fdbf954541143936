"""A convolutional network whose first filters are shaped after music: tall ones for timbre, long ones for rhythm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from music_affect.models.backbone import Backbone
from music_affect.models.masked_convolution import padding_mask
from music_affect.models.peak_convolution import long_peaks, tall_peaks
from music_affect.models.pooling import masked_max, masked_mean

TAPS = 7  # frames that a tall filter and a later convolution see
NORM_EPS = 1e-3


class Channels(NamedTuple):
    """What the network makes of each frame, pooled over time.

    Args:
        largest: over the valid frames, float [B, C].
        mean: likewise.
    """

    largest: Tensor
    mean: Tensor


class Musicnn(Backbone):
    """Tall and long filters, three convolutions over time, maximum and mean over time, one dense layer.

    Every convolution is followed by its bias, a ReLU and then a batch norm, which always uses its running statistics:
    those of the music that the published weights come from. Factors and offsets of the norms are trained.

    Args:
        num_features: F, the mel bands; heights of the tall filters are shares of them.
        max_frames: the longest clip; the same weights fit any.
        tall: filters of each height.
        heights: of the tall filters, as shares of the bands.
        long: filters of each length.
        lengths: of the long filters, in frames.
        later: filters of each later convolution.
        width: D, the size of the embedding.
        dropout: share of the pooled values and of the embedding that is dropped in training.

    Reference:
        J. Pons et al., "End-to-end learning for music audio tagging at scale", ISMIR 2018; J. Pons and X. Serra,
        "musicnn: Pre-trained convolutional neural networks for music audio tagging", late-breaking demo, ISMIR 2019.
    """

    caution = "musicnn from random weights: its norms keep the statistics that they begin with"

    def __init__(
        self,
        num_features: int,
        max_frames: int,
        *,
        tall: int = 204,
        heights: Sequence[float] = (0.4, 0.7),
        long: int = 51,
        lengths: Sequence[int] = (128, 64, 32),
        later: int = 64,
        width: int = 200,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        bands = [max(1, int(height * num_features)) for height in heights]
        self.front_end = FrontEnd([(tall, TAPS, height) for height in bands] + [(long, size, 1) for size in lengths])
        front = self.front_end.out_channels
        self.later = nn.ModuleList(Convolution(before, later) for before in (front, later, later))
        pooled = 2 * (front + len(self.later) * later)
        self.pooled_norm, self.embedding_norm = FixedNorm(pooled), FixedNorm(width)
        self.dense = nn.Linear(pooled, width)
        self.dropout = nn.Dropout(dropout)
        self.out_features = width

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        return self.embed(self.pool(spectrogram, lengths))

    def pool(self, spectrogram: Tensor, lengths: Tensor) -> Channels:
        """The channels of front end and later convolutions, pooled; arguments as in ``forward``."""
        mask = padding_mask(lengths, spectrogram.shape[1], training=self.training)
        frames = self.front_end(spectrogram, mask)
        joined = [frames]
        for place, layer in enumerate(self.later):
            convolved = layer(frames, mask)
            frames = frames + convolved if place else convolved
            joined.append(frames)
        every = torch.cat(joined, dim=2)
        return Channels(masked_max(every, mask), masked_mean(every, mask))

    def embed(self, channels: Channels) -> Tensor:
        """Pooled channels to embeddings, float [B, out_features]."""
        pooled = torch.stack([channels.largest, channels.mean], dim=2).flatten(1)
        hidden = self.dense(self.dropout(self.pooled_norm(pooled)))
        embedding: Tensor = self.dropout(self.embedding_norm(F.relu(hidden)))
        return embedding


class FrontEnd(nn.Module):
    """Tall and long filters, each at its largest value over all bands.

    Args:
        sizes: number of filters, their frames and their bands, a kind each; those of one band are long.

    Attributes:
        out_channels: filters in all.
    """

    def __init__(self, sizes: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        self.norm = FixedNorm(1)
        self.filters = nn.ModuleList(Filters(*size) for size in sizes)
        self.out_channels = sum(count for count, _, _ in sizes)

    def forward(self, spectrogram: Tensor, mask: Tensor | None) -> Tensor:
        """A spectrogram [B, T, F] to channels [B, T, C], zero in the padding of a mask [B, T]."""
        # Fourier transforms know neither bfloat16 nor float16, and the sums need single precision.
        with torch.autocast(spectrogram.device.type, enabled=False):
            exact = spectrogram.to(torch.promote_types(spectrogram.dtype, torch.float32))
            image = _masked(self.norm(exact), mask)
            peaks = torch.cat([filters(image) for filters in self.filters], dim=2)
        return _masked(peaks, mask).to(spectrogram.dtype)


class Filters(nn.Module):
    """Convolution of one kind of filters, bias, ReLU, norm and maximum over the bands, which are taken together.

    Args:
        count: of the filters.
        frames: that they cover.
        bands: likewise.
    """

    def __init__(self, count: int, frames: int, bands: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(count, frames, bands)), nn.Parameter(torch.zeros(count))
        nn.init.kaiming_uniform_(self.weight)
        self.norm = FixedNorm(count)

    def forward(self, image: Tensor) -> Tensor:
        """An image [B, T, F] to channels [B, T, count]."""
        # The maximum comes first: after it, a norm with a negative factor would want the smallest value.
        sign = torch.where(self.norm.weight < 0, -1.0, 1.0)
        kernels = (self.weight * sign[:, None, None]).to(image.dtype)
        peaks = long_peaks(image, kernels.squeeze(2)) if kernels.shape[2] == 1 else tall_peaks(image, kernels)
        normalised: Tensor = self.norm(F.relu(peaks * sign + self.bias))
        return normalised


class Convolution(nn.Module):
    """Convolution over seven frames, bias, ReLU, norm, zeros again in the padding.

    Args:
        in_channels: of the input.
        out_channels: filters.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(in_channels, out_channels, TAPS, padding=TAPS // 2)
        self.norm = FixedNorm(out_channels)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """Frames [B, T, in_channels] to [B, T, out_channels]."""
        convolved = self.convolution(frames.transpose(1, 2)).transpose(1, 2)
        return _masked(self.norm(F.relu(convolved)), mask)


class FixedNorm(nn.Module):
    """Batch norm of the last axis with the statistics that it was given, in training too.

    Args:
        channels: of the input [..., channels].
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, values: Tensor) -> Tensor:
        """The values, standardised, scaled and moved."""
        factor = self.weight * torch.rsqrt(self.variance + NORM_EPS)
        return values * factor + (self.bias - self.mean * factor)


def _masked(frames: Tensor, mask: Tensor | None) -> Tensor:
    """Frames [B, T, C] with zeros in the padding of a mask [B, T]."""
    return frames if mask is None else frames * mask.unsqueeze(2)
