"""A small head on a frozen network's embeddings: what they tell of the labels, and with how little on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from music_affect.models.backbone import Backbone, length_mask
from music_affect.models.dense import dense_layers
from music_affect.models.pooling import MaskedPooling


class Probe(Backbone):
    """Pools the rows of a clip and puts a dense layer on top, or none, in which case the heads alone are trained.

    The rows are embeddings of patches, but may be any features. Several blocks (layers of the network that made them)
    stand side by side, or are weighed against one another: each is projected to one width and normalised, and a softmax
    over learned numbers says how much of each enters the sum.

    Args:
        num_features: F, the columns of a row.
        max_frames: the longest clip; the same weights fit any.
        blocks: column ranges [start, stop) by what they hold, where they are weighed; None takes the columns as they
            stand.
        pooling: names out of ``attention``, ``last``, ``max``, ``mean`` joined by underscores.
        weigh_blocks: learn how much each block counts; without effect on a single block.
        width: columns that each block is projected to where they are weighed.
        hidden: units of each dense layer; none leaves the pooled row as it is.
        activation: name out of ``music_affect.models.dense.ACTIVATIONS``.
        input_dropout: share of each row's columns dropped in training.
        dropout: share of the embedding dropped in training.

    Raises:
        ConfigurationError: the pooling or the activation is not known.

    Reference:
        G. Alain and Y. Bengio, "Understanding intermediate layers using linear classifier probes", ICLR workshop 2017;
        S. Yang et al., "SUPERB: Speech processing Universal PERformance Benchmark", Interspeech 2021 (weighted layers).
    """

    def __init__(
        self,
        num_features: int,
        max_frames: int,
        blocks: Mapping[str, tuple[int, int]] | None = None,
        *,
        pooling: str = "mean",
        weigh_blocks: bool = False,
        width: int = 128,
        hidden: Sequence[int] = (),
        activation: str = "relu",
        input_dropout: float = 0.0,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        weighed = weigh_blocks and blocks is not None and len(blocks) > 1
        self.mix = WeightedBlocks(blocks, width) if weighed and blocks is not None else None
        columns = num_features if self.mix is None else width
        self.input_dropout = nn.Dropout(input_dropout)
        self.pooling = MaskedPooling(pooling, columns)
        self.dropout = nn.Dropout(dropout)
        self.layers = dense_layers(self.pooling.out_features, hidden, activation=activation, dropout=dropout)
        self.out_features = [self.pooling.out_features, *hidden][-1]

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        rows = self.input_dropout(spectrogram if self.mix is None else self.mix(spectrogram))
        pooled = self.pooling(rows, length_mask(lengths, rows.shape[1]))
        embedding: Tensor = self.layers(self.dropout(pooled))
        return embedding


class WeightedBlocks(nn.Module):
    """A weighted sum of blocks of columns, each projected to one width and normalised.

    Args:
        blocks: column ranges [start, stop) by what they hold.
        width: columns of the sum.

    Attributes:
        logits: whose softmax are the weights, in the order of the blocks.
    """

    def __init__(self, blocks: Mapping[str, tuple[int, int]], width: int) -> None:
        super().__init__()
        self.ranges = [(start, stop) for start, stop in blocks.values()]
        self.projections = nn.ModuleList(nn.Linear(stop - start, width) for start, stop in self.ranges)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in self.ranges)
        self.logits = nn.Parameter(torch.zeros(len(self.ranges)))

    def forward(self, rows: Tensor) -> Tensor:
        """Rows [B, T, F] to [B, T, width]."""
        parts = [
            norm(projection(rows[..., start:stop]))
            for (start, stop), projection, norm in zip(self.ranges, self.projections, self.norms, strict=True)
        ]
        mixed: Tensor = torch.einsum("k,kbtw->btw", self.logits.softmax(0), torch.stack(parts))
        return mixed
