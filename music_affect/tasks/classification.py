"""A label that is one class out of several."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from music_affect.contracts.confusion import HEADLINES, confusions, headlines
from music_affect.tasks.objective import Mixture, Objective


class Classification(Objective):
    """One class out of several, by cross-entropy; decided by macro F1. A missing label is -1.

    Args:
        in_features: D, the size of the embedding.
        num_classes: C.
        class_weights: weight of each class in the loss [C], or None for equal weights.
        label_smoothing: probability mass that is spread over all classes.
    """

    categorical = True
    decides = "f1_macro"
    class_weights: Tensor | None

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(in_features, num_classes)
        self._num_classes, self._label_smoothing = num_classes, label_smoothing
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.register_buffer("class_weights", weights, persistent=False)

    def losses(self, output: Tensor, labels: Tensor, mixture: Mixture | None) -> tuple[Tensor, Tensor]:
        own, there = self._present_losses(output, labels)
        if mixture is None:
            return own, there
        partner, partner_there = self._present_losses(output, labels[mixture.partner])
        return torch.lerp(partner, own, mixture.weight), torch.lerp(partner_there, there, mixture.weight)

    def row_losses(self, output: Tensor, labels: Tensor) -> Tensor:
        """Loss of each row against one label, float32 [B]; what an objective with another loss overrides."""
        weights = None if self.class_weights is None else self.class_weights.to(output.dtype)
        return F.cross_entropy(output, labels, weights, label_smoothing=self._label_smoothing, reduction="none")

    def predict(self, output: Tensor) -> Tensor:
        return output.softmax(dim=1)

    def answers(self, means: Tensor) -> Tensor:
        return means / means.sum(dim=1, keepdim=True)

    def scores(self, predictions: Tensor, labels: Tensor) -> dict[str, float]:
        there = labels >= 0
        if not bool(there.any()):
            return {"f1_macro": 0.0, "accuracy": 0.0}
        truth, predicted = (side.cpu().numpy() for side in (labels[there].long(), predictions[there].argmax(dim=1)))
        figures = headlines(confusions(truth, predicted, self._num_classes))[0]
        return {name: float(figures[HEADLINES.index(name)]) for name in ("f1_macro", "accuracy")}

    def _present_losses(self, output: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        there = labels >= 0
        losses = self.row_losses(output, labels.clamp(min=0))
        return torch.where(there, losses, 0.0), there.to(losses.dtype)
