"""A label that is any number of tags at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from music_affect.contracts.ranking import FIGURES, macro, rankings
from music_affect.tasks.objective import Mixture, Objective


class Tagging(Objective):
    """Each tag is there or not, by binary cross-entropy; decided by macro average precision. A missing label is NaN.

    Args:
        in_features: D, the size of the embedding.
        num_tags: C.
    """

    categorical = True
    decides = "average_precision"

    def __init__(self, in_features: int, num_tags: int) -> None:
        super().__init__(in_features, num_tags)

    def losses(self, output: Tensor, labels: Tensor, mixture: Mixture | None) -> tuple[Tensor, Tensor]:
        own, there = _present_losses(output, labels)
        if mixture is None:
            return own, there
        partner, partner_there = _present_losses(output, labels[mixture.partner])
        return torch.lerp(partner, own, mixture.weight), torch.lerp(partner_there, there, mixture.weight)

    def predict(self, output: Tensor) -> Tensor:
        return output.sigmoid()

    def answers(self, means: Tensor) -> Tensor:
        return means

    def scores(self, predictions: Tensor, labels: Tensor) -> dict[str, float]:
        there = labels.isfinite().all(dim=1)
        scores, truth = (side[there].double().cpu().numpy() for side in (predictions, labels))
        # No tag to be scored counts as nothing learnt, so that no NaN decides over weights.
        figures = macro(rankings(scores, truth))[0] if len(truth) else torch.zeros(2).numpy()
        return {name: float(value) if value == value else 0.0 for name, value in zip(FIGURES, figures, strict=True)}


def _present_losses(output: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the tags of each row, [B], 0 where the label is missing; and whether it is there, [B]."""
    there = labels.isfinite().all(dim=1)
    losses = F.binary_cross_entropy_with_logits(output, labels.nan_to_num().to(output.dtype), reduction="none")
    return torch.where(there, losses.mean(dim=1), 0.0), there.to(losses.dtype)
