"""What all tasks share: one step for all stages, the optimizer, the averaging of windows."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Protocol

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from music_affect.batch import Batch
from music_affect.errors import TrainingError
from music_affect.tasks.epoch_record import EpochRecord


class MakeOptimizer(Protocol):
    """An optimizer class with its settings filled in."""

    def __call__(self, params: list[dict[str, Any]]) -> Optimizer: ...


class MakeSchedule(Protocol):
    """A learning-rate schedule with its settings filled in."""

    def __call__(self, optimizer: Optimizer, total_steps: int) -> LRScheduler: ...


class Task(LightningModule):
    """A backbone with a head, a loss and metrics.

    Each epoch of each stage is recorded; at its end windows are averaged to clips and the whole split is scored at
    once, never batch by batch.

    Args:
        backbone: maps a spectrogram [B, T, F] and lengths [B] to an embedding [B, backbone.out_features].
        head: maps embeddings [B, D] to outputs [B, C].
        optimizer: makes the optimizer from parameter groups.
        schedule: makes the learning-rate schedule, stepped after every batch.

    Attributes:
        records: the last finished epoch of each stage.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, optimizer: MakeOptimizer, schedule: MakeSchedule) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self._make_optimizer, self._make_schedule = optimizer, schedule
        self._open: dict[str, EpochRecord] = {}
        self.records: dict[str, EpochRecord] = {}

    @property
    def caution(self) -> str | None:
        """What to know before the backbone is trained from random weights, or None."""
        found = getattr(self.backbone, "caution", None)
        return found if isinstance(found, str) else None

    @abstractmethod
    def losses(self, output: Tensor, batch: Batch) -> Tensor:
        """Loss of each row, float32 [B]; rows mixed by mixup count by their shares.

        Args:
            output: of the head [B, C].
            batch: with the targets.
        """

    @abstractmethod
    def predict_rows(self, output: Tensor) -> Tensor:
        """What is averaged over a clip's windows and scored: probabilities or values [B, C]."""

    @abstractmethod
    def scores(self, record: EpochRecord) -> dict[str, float]:
        """Metrics over the clips of a whole epoch."""

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        """Outputs [B, C] for spectrograms [B, T, F] with lengths [B]."""
        output: Tensor = self.head(self.backbone(spectrogram, lengths))
        return output

    def training_step(self, batch: Batch) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: Batch) -> Tensor:
        return self._step(batch, "val")

    def test_step(self, batch: Batch) -> Tensor:
        return self._step(batch, "test")

    def _step(self, batch: Batch, stage: str) -> Tensor:
        output = self(batch.spectrogram, batch.lengths)
        losses = self.losses(output, batch)
        self._open.setdefault(stage, EpochRecord()).add(batch, losses, self.predict_rows(output))
        return losses.mean()

    def on_train_epoch_end(self) -> None:
        self._close("train")

    def on_validation_epoch_end(self) -> None:
        self._close("val")

    def on_test_epoch_end(self) -> None:
        self._close("test")

    def _close(self, stage: str) -> None:
        record = self._open.pop(stage)
        record.close()
        self.records[stage] = record
        if not math.isfinite(record.loss):
            raise TrainingError(
                f"the {stage} loss of epoch {self.current_epoch} is not finite",
                expected="a number",
                fix="lower optimizer.lr, or set trainer.gradient_clip_val",
            )
        figures = {"loss": record.loss, **self.scores(record)}
        self.log_dict({f"{stage}/{name}": value for name, value in figures.items()}, rank_zero_only=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = self._make_optimizer(parameter_groups(self))
        schedule = self._make_schedule(optimizer, total_steps=int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def parameter_groups(module: nn.Module) -> list[dict[str, Any]]:
    """Matrices and kernels with the optimizer's weight decay; biases, norms and learned positions without.

    Decay pulls towards zero, which is no sensible value for a norm's scale or a position.
    """
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            (plain if parameter.ndim < 2 or "position" in name else decayed).append(parameter)
    return [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]


def mixed(losses: Tensor, partner_losses: Tensor, weight: Tensor) -> Tensor:
    """Loss of rows that were mixed with a partner: both labels count by their shares."""
    return torch.lerp(partner_losses, losses, weight)
