"""Genre classification."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_f1_score

from music_affect.batch import Batch
from music_affect.tasks.base import MakeOptimizer, MakeSchedule, Task, mixed
from music_affect.tasks.epoch_record import EpochRecord


class GenreClassification(Task):
    """One class out of several, by cross-entropy; decided by macro F1.

    Args:
        backbone: maps a spectrogram [B, T, F] and lengths [B] to an embedding [B, backbone.out_features].
        target: name of the label.
        num_classes: C.
        optimizer: makes the optimizer.
        schedule: makes the learning-rate schedule.
        label_smoothing: probability mass that is spread over all classes.
        class_weights: weight of each class in the loss [C], or None for equal weights.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        backbone: nn.Module,
        target: str,
        num_classes: int,
        optimizer: MakeOptimizer,
        schedule: MakeSchedule,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(backbone, nn.Linear(int(backbone.out_features), num_classes), optimizer, schedule)  # type: ignore[arg-type]
        self._target, self._num_classes, self._label_smoothing = target, num_classes, label_smoothing
        weights = None if class_weights is None else torch.tensor(class_weights)
        self.register_buffer("class_weights", weights, persistent=False)

    def losses(self, output: Tensor, batch: Batch) -> Tensor:
        labels = batch.targets[self._target]
        losses = self.row_losses(output, labels)
        if batch.partner is None or batch.weight is None:
            return losses
        return mixed(losses, self.row_losses(output, labels[batch.partner]), batch.weight)

    def predict_rows(self, output: Tensor) -> Tensor:
        return output.detach().softmax(dim=1)

    def scores(self, record: EpochRecord) -> dict[str, float]:
        predicted, labels = record.predictions.argmax(dim=1), record.targets[self._target]
        return {
            "f1_macro": float(multiclass_f1_score(predicted, labels, self._num_classes, average="macro")),
            "accuracy": float(multiclass_accuracy(predicted, labels, self._num_classes, average="micro")),
        }

    def row_losses(self, output: Tensor, labels: Tensor) -> Tensor:
        """Loss of each row against one label, float32 [B]; what a task with another loss overrides."""
        return F.cross_entropy(
            output, labels, self.class_weights, label_smoothing=self._label_smoothing, reduction="none"
        )
