"""Recurrent network with masked pooling."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from music_affect.models.backbone import Backbone, length_mask
from music_affect.models.pooling import MaskedPooling


class LSTM(Backbone):
    """One bidirectional LSTM layer over projected frames, with pooling over its valid steps.

    The backward direction reads each clip from its own last frame, so neither direction meets padding before the clip
    is over: the answer of a packed sequence, but a training step with clips of unequal length is about twice as fast.

    Args:
        num_features: F, the columns of a spectrogram.
        max_frames: the longest clip; the same weights fit any.
        projection_size: columns that each frame is reduced to before the recurrence.
        hidden_size: units of each direction.
        pooling: ``attention_mean``, ``attention``, ``mean`` or ``last`` (where each direction ends, never in padding).
        input_dropout: share of the spectrogram's values dropped in training.
        dropout: share of the embedding dropped in training.

    Raises:
        ConfigurationError: the pooling is not known.

    Reference:
        A. Graves and J. Schmidhuber, "Framewise phoneme classification with bidirectional LSTM and other neural
        network architectures", Neural Networks 18, 2005.
    """

    def __init__(
        self,
        num_features: int,
        max_frames: int,
        *,
        projection_size: int = 64,
        hidden_size: int = 64,
        pooling: str = "attention_mean",
        input_dropout: float = 0.2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.input_dropout = nn.Dropout(input_dropout)
        self.projection = nn.Sequential(
            nn.Linear(num_features, projection_size), nn.LayerNorm(projection_size), nn.ReLU()
        )
        self.onward = nn.LSTM(projection_size, hidden_size, batch_first=True)
        self.returning = nn.LSTM(projection_size, hidden_size, batch_first=True)
        self.pooling = MaskedPooling(pooling, 2 * hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.out_features = self.pooling.out_features

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        frames = self.projection(self.input_dropout(spectrogram))
        onward, _ = self.onward(frames)
        returning, _ = self.returning(reverse(frames, lengths))
        states = torch.cat([onward, reverse(returning, lengths)], dim=2)
        embedding: Tensor = self.dropout(self.pooling(states, length_mask(lengths, frames.shape[1])))
        return embedding


def reverse(sequence: Tensor, lengths: Tensor) -> Tensor:
    """Each clip of float [B, T, D] played backwards within its length, int64 [B]; the padding stays where it is."""
    places = torch.arange(sequence.shape[1], device=sequence.device).expand(sequence.shape[0], -1)
    mirrored = lengths.unsqueeze(1) - 1 - places
    order = torch.where(mirrored >= 0, mirrored, places)
    return sequence.gather(1, order.unsqueeze(2).expand_as(sequence))
