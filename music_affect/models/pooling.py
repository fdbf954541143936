"""From a sequence of frames to one embedding; padded frames never count."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from music_affect.contracts.errors import ConfigurationError, did_you_mean

POOLINGS = ("attention", "last", "max", "mean")


def masked_mean(sequence: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over the valid frames.

    Args:
        sequence: float [B, T, D].
        mask: True where a frame counts, bool [B, T] with at least one True a row; None where every frame counts.

    Returns:
        float [B, D].
    """
    if mask is None:
        return sequence.mean(1)
    exact = torch.promote_types(sequence.dtype, torch.float32)  # bfloat16 cannot count to 300
    summed = (sequence * mask.unsqueeze(2)).sum(1, dtype=exact)
    return (summed / mask.sum(1, keepdim=True)).to(sequence.dtype)


def masked_max(sequence: Tensor, mask: Tensor | None) -> Tensor:
    """Largest value of each column over the valid frames; shapes as in ``masked_mean``."""
    if mask is None:
        return sequence.amax(1)
    return sequence.masked_fill(~mask.unsqueeze(2), -torch.inf).amax(1)


def masked_last(sequence: Tensor, mask: Tensor | None) -> Tensor:
    """Where each direction of a bidirectional network ends; shapes as in ``masked_mean``.

    The first half of the columns reads forwards and ends at the last valid frame, the second half reads backwards and
    ends at frame 0.
    """
    batch, frames, columns = sequence.shape
    if mask is None:
        mask = sequence.new_ones(batch, frames, dtype=torch.bool)
    ends = mask.sum(1) - 1
    forwards = sequence[torch.arange(batch, device=sequence.device), ends, : columns // 2]
    return torch.cat([forwards, sequence[:, 0, columns // 2 :]], dim=1)


class AttentionPooling(nn.Module):
    """Mean over the valid frames with learned weights.

    Args:
        num_features: D, the columns of the sequence.

    Reference:
        Z. Yang et al., "Hierarchical Attention Networks for Document Classification", NAACL 2016.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        # A softmax ignores a constant, so a bias would never learn.
        self.score = nn.Linear(num_features, 1, bias=False)

    def forward(self, sequence: Tensor, mask: Tensor | None) -> Tensor:
        """Shapes as in ``masked_mean``."""
        scores = self.score(sequence)
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(2), -torch.inf)
        weights: Tensor = scores.softmax(1)
        return (sequence * weights).sum(1)


class MaskedPooling(nn.Module):
    """One or several poolings of the same sequence, concatenated.

    Args:
        kind: names out of ``attention``, ``last``, ``max``, ``mean`` joined by underscores, e.g. ``attention_mean``.
        num_features: D, the columns of the sequence.

    Attributes:
        out_features: D times the number of poolings.

    Raises:
        ConfigurationError: ``kind`` holds a name that is no pooling.
    """

    def __init__(self, kind: str, num_features: int) -> None:
        super().__init__()
        self.names = kind.split("_")
        for name in self.names:
            _check_name(name, kind)
        self.out_features = num_features * len(self.names)
        self.attention = AttentionPooling(num_features) if "attention" in self.names else None

    def forward(self, sequence: Tensor, mask: Tensor | None) -> Tensor:
        """Pool float [B, T, D] with a mask [B, T] (None: every frame counts) to float [B, out_features]."""
        return torch.cat([self._pool(name, sequence, mask) for name in self.names], dim=1)

    def _pool(self, name: str, sequence: Tensor, mask: Tensor | None) -> Tensor:
        if self.attention is not None and name == "attention":
            pooled: Tensor = self.attention(sequence, mask)
            return pooled
        return {"last": masked_last, "max": masked_max, "mean": masked_mean}[name](sequence, mask)


def _check_name(name: str, kind: str) -> None:
    if name not in POOLINGS:
        raise ConfigurationError(
            f"pooling '{kind}' holds the unknown name '{name}'{did_you_mean(name, POOLINGS)}",
            expected=f"names out of {', '.join(POOLINGS)}, joined by underscores",
            fix="set model.net.pooling to one of these, such as attention_mean",
        )
