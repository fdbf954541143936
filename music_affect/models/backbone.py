"""What every architecture promises."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Backbone(nn.Module, ABC):
    """Turns spectrograms of any length into embeddings of one size.

    Frames past a clip's length are padding (zeros); they must not change the answer: a clip alone and the same clip
    inside a padded batch give the same embedding.

    Subclasses take ``num_features`` and ``max_frames`` first; sizes of the data are never written in a yaml file.

    Attributes:
        out_features: D, the size of the embedding.
        caution: what to know before training it from random weights, or None.
    """

    out_features: int
    caution: str | None = None

    @abstractmethod
    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        """Embed a batch.

        Args:
            spectrogram: standardised features, float32 [B, T, F], zero from each clip's length on.
            lengths: valid frames of each clip, int64 [B], 1 <= length <= T.

        Returns:
            Embeddings, float32 [B, D].
        """


def length_mask(lengths: Tensor, frames: int) -> Tensor:
    """True where a frame belongs to the clip: lengths [B] to a mask [B, T]."""
    return _positions(lengths, frames) < lengths.unsqueeze(1)


def _positions(lengths: Tensor, frames: int) -> Tensor:
    return lengths.new_ones(frames).cumsum(0).sub(1).unsqueeze(0)
