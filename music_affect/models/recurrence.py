"""Recurrent layers that read clips in one direction or in both and never meet padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from music_affect.models.pooling import MaskedPooling


def read(frames: Tensor, lengths: Tensor, onward: nn.Module, returning: nn.Module | None = None) -> Tensor:
    """States of one layer.

    Args:
        frames: float [B, T, D].
        lengths: valid frames of each clip, int64 [B].
        onward: recurrence over a batch, states first in its answer; reads each clip from its first frame.
        returning: likewise, from each clip's own last frame; None for one direction.

    Returns:
        float [B, T, H], or [B, T, 2 H] for both directions; what stands in the padding has no meaning.
    """
    # Under autocast, whatever its type, cuDNN recurs in float16, in which gradients vanish unless losses are scaled.
    with torch.autocast(frames.device.type, enabled=False):
        frames = frames.to(next(onward.parameters()).dtype)
        forwards: Tensor = onward(frames)[0]
        if returning is None:
            return forwards
        backwards = reverse(returning(reverse(frames, lengths))[0], lengths)
        return torch.cat([forwards, backwards], dim=2)


def reverse(sequence: Tensor, lengths: Tensor) -> Tensor:
    """Each clip of float [B, T, D] played backwards within its length, int64 [B]; the padding stays where it is."""
    places = torch.arange(sequence.shape[1], device=sequence.device).expand(sequence.shape[0], -1)
    mirrored = lengths.unsqueeze(1) - 1 - places
    order = torch.where(mirrored >= 0, mirrored, places)
    return sequence.gather(1, order.unsqueeze(2).expand_as(sequence))


class StatePooling(MaskedPooling):
    """Pooling of recurrent states, where ``last`` is the state in which each direction has read the whole clip.

    Args:
        kind: as in ``MaskedPooling``.
        num_features: columns of the states.
        bidirectional: whether the second half of the columns reads backwards.

    Raises:
        ConfigurationError: ``kind`` holds a name that is no pooling.
    """

    def __init__(self, kind: str, num_features: int, *, bidirectional: bool) -> None:
        super().__init__(kind, num_features)
        self.bidirectional = bidirectional

    def _pool(self, name: str, sequence: Tensor, mask: Tensor | None) -> Tensor:
        if name != "last" or self.bidirectional:
            return super()._pool(name, sequence, mask)
        ends = -1 if mask is None else mask.sum(1) - 1
        return sequence[torch.arange(len(sequence), device=sequence.device), ends]
