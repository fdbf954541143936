"""Multi-layer perceptron on the average frame of a clip."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from music_affect.models.backbone import Backbone, length_mask
from music_affect.models.dense import dense_layers
from music_affect.models.pooling import masked_mean


class MLP(Backbone):
    """Dense layers over the mean of the valid frames.

    A clip of a single frame, such as one vector of MFCC statistics, is its own mean: for these it is the plain
    perceptron. It knows nothing of the order of frames.

    Args:
        num_features: F, the columns of a spectrogram.
        max_frames: the longest clip; the same weights fit any.
        hidden: units of each layer; the last are the embedding.
        activation: name out of ``music_affect.models.dense.ACTIVATIONS``.
        dropout: share of each layer's output dropped in training.

    Raises:
        ConfigurationError: the activation is not known.

    Reference:
        D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations by back-propagating errors",
        Nature 323, 1986.
    """

    def __init__(
        self,
        num_features: int,
        max_frames: int,
        *,
        hidden: Sequence[int] = (128, 32),
        activation: str = "relu",
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.layers = dense_layers(num_features, hidden, activation=activation, dropout=dropout)
        self.out_features = [num_features, *hidden][-1]

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        embedding: Tensor = self.layers(masked_mean(spectrogram, length_mask(lengths, spectrogram.shape[1])))
        return embedding
