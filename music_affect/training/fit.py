"""Training a network and measuring it: everything that needs Lightning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from music_affect.contracts.batch import Batch
from music_affect.contracts.errors import ConfigurationError, TrainingError
from music_affect.runs.checkpoint import read_checkpoint
from music_affect.runs.predictions import Predictions
from music_affect.runs.writer import LAST_CHECKPOINT
from music_affect.system import launch
from music_affect.system.allocator import keep_freed_memory
from music_affect.tasks.base import Task

OVERFIT_LOSS = 0.1  # a sound network has learnt two batches by heart long before


def begin(seed: int) -> None:
    """Sets what a process trains with: its memory, and the generators that draw the first weights."""
    keep_freed_memory()
    # Deterministic mode fills every new tensor first, which costs time; nothing here reads unwritten memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    pl.seed_everything(seed, verbose=False)


def fit(task: Task, data: pl.LightningDataModule, trainer: pl.Trainer, folder: Path, resume_from: Path | None) -> None:
    """Trains, in one process or in several.

    Args:
        task: with its first weights, the same in every process; it has its last ones afterwards.
        data: serves the clips.
        trainer: with all that it calls.
        folder: of the run.
        resume_from: a checkpoint to go on from, or None.

    Raises:
        KeyboardInterrupt: a person or the system asked it to stop.
        TrainingError: one of several processes failed.
        ConfigurationError: callbacks, loggers or settings of the trainer do not go together.
    """
    try:
        with launch.launched(trainer, folder), _interruptible(trainer):
            trainer.fit(task, datamodule=data, ckpt_path=resume_from, weights_only=True)
    except MisconfigurationException as error:
        raise ConfigurationError(
            f"Lightning refuses the run ({' '.join(str(error).split())[:300]})",
            expected="callbacks, loggers and settings of the trainer that go together",
            fix="leave out or change the one that it names",
        ) from error


@contextmanager
def _interruptible(trainer: pl.Trainer) -> Iterator[None]:
    """Hands on an interrupt as what it is; Lightning makes an end of the process of it, with the code of a failure."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, SIGTERMException) or isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
    if trainer.interrupted or trainer.received_sigterm:
        raise KeyboardInterrupt


def load_tested(task: Task, trainer: pl.Trainer, monitor: str, folder: Path, *, validated: bool) -> dict[str, Any]:
    """Gives a fitted task the weights that are tested: the best ones where a checkpoint has been kept of them.

    Args:
        task: fitted; changed in place.
        trainer: that has fitted it.
        monitor: the figure that decides.
        folder: of the run.
        validated: there is a validation part.

    Returns:
        The ``kind`` (``best`` or ``last``), the ``epoch``, the ``reason`` and the ``file``, relative to the folder.
    """
    last_epoch = trainer.current_epoch - 1
    best = _best(trainer, monitor, folder)
    if best is None or best.best_model_score is None:
        reason = "no validation split: all training clips were learnt from, for a fixed number of epochs"
        if validated:
            reason = "no checkpoint of the best epoch is among callbacks"
        return {"kind": "last", "epoch": last_epoch, "reason": reason, "file": str(LAST_CHECKPOINT)}
    kept = read_checkpoint(Path(best.best_model_path), trusted=True)  # this run wrote it, and only its weights are used
    task.load_state_dict(dict(kept.weights))
    score = float(best.best_model_score)
    reason = f"best {monitor} ({score:.4f}) of {last_epoch + 1} epochs"
    return {"kind": "best", "epoch": kept.epoch, "reason": reason, "file": _relative(best, folder).as_posix()}


def _best(trainer: pl.Trainer, monitor: str, folder: Path) -> ModelCheckpoint | None:
    """The callback that keeps the best epoch inside the run's folder, if there is one."""
    found = [one for one in trainer.checkpoint_callbacks if isinstance(one, ModelCheckpoint) and one.monitor == monitor]
    inside = (one for one in found if Path(one.best_model_path).resolve().is_relative_to(folder.resolve()))
    return next((one for one in inside if one.best_model_path), None)


def _relative(best: ModelCheckpoint, folder: Path) -> Path:
    return Path(best.best_model_path).resolve().relative_to(folder.resolve())


def predict(task: Task, trainer: pl.Trainer, loader: DataLoader[Batch]) -> Predictions:
    """Answers for every clip of a split, in order: by label, probabilities [N, C] or values [N], float64."""
    _test(task, trainer, loader)
    found: dict[str, NDArray[np.float64]] = {}
    for name, objective in zip(task.labels, task.objectives, strict=True):
        rows = task.records["test"].predictions[name].double().cpu()
        found[name] = objective.answers(rows).numpy()  # type: ignore[operator]
    return found


def check_overfit(
    task: Task, trainer: pl.Trainer, loader: DataLoader[Batch], history: Sequence[dict[str, float | int]]
) -> dict[str, float]:
    """Loss on the few batches that were trained on, without dropout.

    Raises:
        TrainingError: it is not near zero.
    """
    _test(task, trainer, loader)
    first, last = float(history[0]["train/loss"]), task.epoch_loss("test")
    if not last < OVERFIT_LOSS:
        raise TrainingError(
            f"the loss on the same few clips only fell from {first:.3f} to {last:.3f}",
            expected=f"less than {OVERFIT_LOSS}: a sound network learns them by heart",
            fix="look for a defect in the model or its learning rate, or raise trainer.max_epochs",
        )
    return {"first_loss": first, "last_loss": last}


def _test(task: Task, trainer: pl.Trainer, loader: DataLoader[Batch]) -> None:
    with _interruptible(trainer):
        trainer.test(task, loader, verbose=False)


def count_parameters(task: Task) -> int:
    """Trainable numbers of the backbone and the heads."""
    return sum(math.prod(p.shape) for p in task.parameters() if p.requires_grad)


def loss_weights(task: Task) -> dict[str, float] | None:
    """Learned weights of the labels' losses, or None where they are not learned."""
    if not task.weighting.learned:
        return None
    return {name: float(value.detach()) for name, value in task.weighting.weights().items()}
