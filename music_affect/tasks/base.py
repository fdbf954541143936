"""The LightningModule of every task: one backbone, and an objective for each label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import LRSchedulerConfigType, OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from music_affect.contracts.batch import Batch
from music_affect.contracts.errors import ConfigurationError, TrainingError
from music_affect.contracts.spec import Target
from music_affect.system.collectives import total, world_size
from music_affect.tasks.epoch_record import EpochRecord, mean_loss
from music_affect.tasks.objective import Mixture, Objective
from music_affect.tasks.weighting import Weighting


class MakeOptimizer(Protocol):
    """An optimizer class with its settings filled in."""

    def __call__(self, params: list[dict[str, Any]]) -> Optimizer: ...


class MakeSchedule(Protocol):
    """A learning-rate schedule with its settings filled in."""

    def __call__(self, optimizer: Optimizer, total_steps: int, epochs: int) -> LRScheduler | ReduceLROnPlateau: ...


class Task(LightningModule):
    """A backbone with an objective for each label that is predicted: one class, tags, one scale, or several at once.

    Each epoch of each stage is recorded; at its end windows are averaged to clips and the whole split is scored at
    once, never batch by batch.

    Args:
        backbone: maps a spectrogram [B, T, F] and lengths [B] to an embedding [B, backbone.out_features].
        objectives: by label.
        weighting: makes one loss of those of the labels.
        optimizer: makes the optimizer from parameter groups.
        schedule: makes the learning-rate schedule, stepped after every batch (on a plateau: after every epoch).
        monitor: figure that a schedule on a plateau watches.
        backbone_rate: learning rate of the backbone as a share of the heads'.
        targets: what the labels are; without them ``trainer.predict`` gives no names to classes.

    Attributes:
        records: the last finished epoch of each stage.
        description: entries of every checkpoint beside the weights; plain containers only, so that the file loads with
            ``weights_only=True``.
    """

    def __init__(
        self,
        backbone: nn.Module,
        objectives: Mapping[str, Objective],
        weighting: Weighting,
        optimizer: MakeOptimizer,
        schedule: MakeSchedule,
        monitor: str,
        backbone_rate: float = 1.0,
        targets: Mapping[str, Target] | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.weighting = backbone, weighting
        self.objectives = nn.ModuleList(objectives.values())  # by place: a label may be called what a module may not
        self.labels = tuple(objectives)
        self._make_optimizer, self._make_schedule = optimizer, schedule
        self._monitor, self._backbone_rate = monitor, backbone_rate
        self._open: dict[str, EpochRecord] = {}
        self.records: dict[str, EpochRecord] = {}
        self.targets = dict(targets or {})
        self.description: dict[str, Any] = {}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint.update(self.description)

    @property
    def caution(self) -> str | None:
        """What to know before the backbone is trained from random weights, or None."""
        found = getattr(self.backbone, "caution", None)
        return found if isinstance(found, str) else None

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """Outputs [B, C] by label for spectrograms [B, T, F] with lengths [B]."""
        embedding = self.backbone(spectrogram, lengths)
        return {name: objective(embedding) for name, objective in self._each()}

    def training_step(self, batch: Batch) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: Batch) -> Tensor:
        return self._step(batch, "val")

    def test_step(self, batch: Batch) -> Tensor:
        return self._step(batch, "test")

    def predict_step(self, batch: Batch) -> dict[str, Any]:
        """The answer for one clip, whose windows are the rows of the batch: they are averaged.

        Returns:
            By label a value, or a probability by class or tag; and the clip's ``id``, where the data module knows it.
        """
        outputs = self(batch.spectrogram.to(self.dtype), batch.lengths)
        found: dict[str, Any] = {}
        for name, objective in self._each():
            answer = objective.answers(objective.predict(outputs[name]).double().mean(dim=0, keepdim=True))[0]
            names = self.targets[name].outcomes if name in self.targets else range(answer.numel())
            found[name] = dict(zip(names, answer.tolist(), strict=True)) if objective.categorical else float(answer)
        data = getattr(self.trainer, "datamodule", None)
        return found if data is None else {"id": data.clip(int(batch.clips[0])).id, **found}

    def _step(self, batch: Batch, stage: str) -> Tensor:
        outputs = self(batch.spectrogram.to(self.dtype), batch.lengths)
        mixture = None if batch.partner is None or batch.weight is None else Mixture(batch.partner, batch.weight)
        terms = {
            name: objective.losses(outputs[name], batch.targets[name], mixture) for name, objective in self._each()
        }
        rows = {name: objective.predict(outputs[name].detach()) for name, objective in self._each()}
        self._open.setdefault(stage, EpochRecord()).add(_louder(batch), terms, rows)
        shares = torch.stack([shares.sum() for _, shares in terms.values()])
        if stage == "train":
            shares = total(shares)  # of the whole batch, where several processes have taken its rows
        counts = dict(zip(terms, shares, strict=True))
        there = {name: (count > 0).to(count.dtype) for name, count in counts.items()}
        # Gradients are averaged over the processes: so many times its part of the loss is what each has to give.
        parts = {name: losses * world_size() for name, (losses, _) in terms.items()}
        loss: Tensor = self.weighting({name: mean_loss(parts[name], counts[name]) for name in parts}, there)
        return loss

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
        loss = self.epoch_loss(stage)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the {stage} loss of epoch {self.current_epoch} is not finite",
                expected="a number",
                fix="lower optimizer.lr, or set trainer.gradient_clip_val",
            )
        figures = {f"{stage}/loss": loss}
        figures |= {f"{stage}/{name}": value for name, value in self.scores(record).items()}
        if self._monitor.startswith(f"{stage}/") and self._monitor not in figures:
            raise ConfigurationError(
                f"task.monitor={self._monitor}", expected=f"one of {', '.join(figures)}", fix="correct it"
            )
        if stage == "train":
            figures["lr"] = float(self.trainer.optimizers[0].param_groups[-1]["lr"])  # of the heads
        if stage == "train" and self.weighting.learned:
            figures |= {f"weight/{name}": float(value.detach()) for name, value in self.weighting.weights().items()}
        self.log_dict(figures, rank_zero_only=True)

    def epoch_loss(self, stage: str) -> float:
        """Loss over the last finished epoch of a stage."""
        with torch.no_grad():
            return float(self.weighting(self.records[stage].losses))

    def scores(self, record: EpochRecord) -> dict[str, float]:
        """Figures over the clips of a whole epoch.

        ``f1_macro`` is of the class label, ``spearman`` the mean over the scales, ``score`` the mean of both where a
        task has both. Where there are several labels, ``<label>/<figure>`` follow.
        """
        by_label = {
            name: objective.scores(record.predictions[name], record.targets[name]) for name, objective in self._each()
        }
        kinds = {name: objective.categorical for name, objective in self._each()}
        if len(by_label) == 1:
            return by_label[self.labels[0]]
        figures = {f"{name}/{key}": value for name, found in by_label.items() for key, value in found.items()}
        figures |= {f"{name}/loss": float(value) for name, value in record.losses.items()}
        decisive = {"f1_macro": True, "spearman": False}
        found = {
            key: [by_label[name][key] for name in kinds if kinds[name] == is_class]
            for key, is_class in decisive.items()
        }
        heads = {key: sum(values) / len(values) for key, values in found.items() if values}
        return heads | ({"score": sum(heads.values()) / 2} if len(heads) == 2 else {}) | figures

    def configure_optimizers(self) -> OptimizerLRScheduler:
        groups = parameter_groups(self.backbone)
        for group in groups:
            group["share"] = self._backbone_rate
        groups += [{**group, "share": 1.0} for group in parameter_groups(self.objectives, self.weighting)]
        optimizer = self._make_optimizer(groups)
        # A fused optimizer would undo the scaling of losses by itself, after gradients are clipped: too late.
        optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
        for group in optimizer.param_groups:
            group["lr"] *= group["share"]
        steps, epochs = int(self.trainer.estimated_stepping_batches), self.trainer.max_epochs or 1
        schedule = self._make_schedule(optimizer, total_steps=steps, epochs=epochs)
        plan: LRSchedulerConfigType = {"scheduler": schedule, "interval": "step"}
        if isinstance(schedule, ReduceLROnPlateau):
            self._check_validates()
            plan = {"scheduler": schedule, "interval": "epoch", "monitor": self._monitor}
        return {"optimizer": optimizer, "lr_scheduler": plan}

    def _check_validates(self) -> None:
        data = getattr(self.trainer, "datamodule", None)
        if self._monitor.startswith("val/") and data is not None and not data.val_dataloader():
            raise ConfigurationError(
                f"a schedule that waits for {self._monitor}, and no validation part",
                expected="clips to validate on",
                fix="set split.val_fraction=0.15, or choose another scheduler",
            )

    def _each(self) -> list[tuple[str, Objective]]:
        return list(zip(self.labels, self.objectives, strict=True))  # type: ignore[arg-type]


def _louder(batch: Batch) -> Batch:
    """Each mixed row as a row of the clip that is the larger part of it: what can be recognised, and is scored."""
    if batch.partner is None or batch.weight is None:
        return batch
    own = torch.arange(len(batch.weight), device=batch.weight.device)
    row = torch.where(batch.weight >= 0.5, own, batch.partner)
    targets = {name: values[row] for name, values in batch.targets.items()}
    return replace(batch, targets=targets, clips=batch.clips[row])


def parameter_groups(*modules: nn.Module) -> list[dict[str, Any]]:
    """Matrices and kernels with the optimizer's weight decay; biases, norms and learned positions without.

    Decay pulls towards zero, which is no sensible value for a norm's scale or a position.
    """
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for module in modules:
        for name, parameter in module.named_parameters():
            (plain if parameter.ndim < 2 or "position" in name else decayed).append(parameter)
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
