"""Recurrent network with masked pooling."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from music_affect.contracts.errors import ConfigurationError, did_you_mean
from music_affect.models.backbone import Backbone, length_mask
from music_affect.models.recurrence import StatePooling, read

CELLS: Mapping[str, Callable[..., nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class LSTM(Backbone):
    """Recurrent layers over projected frames, with pooling over their valid steps.

    The backward direction reads each clip from its own last frame, so neither direction meets padding before the clip
    is over: the answer of a packed sequence, but a training step with clips of unequal length is about twice as fast.

    Args:
        num_features: F, the columns of a spectrogram.
        max_frames: the longest clip; the same weights fit any.
        cell: ``lstm``, ``gru`` or ``rnn`` (plain recurrence with tanh).
        projection_size: columns that each frame is reduced to before the recurrence; None leaves frames as they are.
        hidden_size: units of each direction.
        num_layers: recurrent layers; each reads both directions of the one below.
        bidirectional: whether a second direction reads each clip backwards.
        pooling: ``attention_mean``, ``attention``, ``mean`` or ``last`` (where each direction ends, never in padding).
        input_dropout: share of the spectrogram's values dropped in training.
        layer_dropout: share dropped in training of what one layer hands to the next.
        dropout: share of the embedding dropped in training.

    Raises:
        ConfigurationError: the cell or the pooling is not known.

    Reference:
        A. Graves and J. Schmidhuber, "Framewise phoneme classification with bidirectional LSTM and other neural
        network architectures", Neural Networks 18, 2005.
    """

    def __init__(
        self,
        num_features: int,
        max_frames: int,
        *,
        cell: str = "lstm",
        projection_size: int | None = 64,
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = True,
        pooling: str = "attention_mean",
        input_dropout: float = 0.2,
        layer_dropout: float = 0.0,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        make, states = _cell(cell), hidden_size * (2 if bidirectional else 1)
        self.input_dropout = nn.Dropout(input_dropout)
        self.projection: nn.Module = nn.Identity()
        if projection_size is not None:
            self.projection = nn.Sequential(
                nn.Linear(num_features, projection_size), nn.LayerNorm(projection_size), nn.ReLU()
            )
        self.onward = make(projection_size or num_features, hidden_size, batch_first=True)
        self.returning = make(projection_size or num_features, hidden_size, batch_first=True) if bidirectional else None
        self.upper = nn.ModuleList(
            nn.ModuleList(make(states, hidden_size, batch_first=True) for _ in range(states // hidden_size))
            for _ in range(num_layers - 1)
        )
        self.layer_dropout = nn.Dropout(layer_dropout)
        self.pooling = StatePooling(pooling, states, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.out_features = self.pooling.out_features

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        states = read(self.projection(self.input_dropout(spectrogram)), lengths, self.onward, self.returning)
        for layer in self.upper:
            assert isinstance(layer, nn.ModuleList)
            states = read(self.layer_dropout(states), lengths, *layer)
        embedding: Tensor = self.dropout(self.pooling(states, length_mask(lengths, states.shape[1])))
        return embedding


def _cell(name: str) -> Callable[..., nn.RNNBase]:
    if name not in CELLS:
        raise ConfigurationError(
            f"cell '{name}'{did_you_mean(name, CELLS)}",
            expected=f"one of {', '.join(CELLS)}",
            fix="set model.net.cell to one of these",
        )
    return CELLS[name]
