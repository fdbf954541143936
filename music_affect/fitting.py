"""Training a network and measuring it: everything that needs Lightning."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console
from rich.text import Text
from torch.utils.data import DataLoader

from music_affect import build
from music_affect.allocator import keep_freed_memory
from music_affect.batch import Batch
from music_affect.callbacks.begun import Begun
from music_affect.callbacks.description import SelfDescription
from music_affect.callbacks.history import History
from music_affect.callbacks.progress import EpochProgress
from music_affect.callbacks.seeding import SeedEveryEpoch
from music_affect.callbacks.termination import Termination
from music_affect.checkpoint import KEY, Checkpoint, Description, read_checkpoint
from music_affect.data.datamodule import ClipDataModule
from music_affect.distributed.batch_norm import share_statistics
from music_affect.distributed.ranks import Layout, group
from music_affect.errors import TrainingError
from music_affect.measurement import Predictions
from music_affect.models.backbone import Backbone
from music_affect.models.pretrained import load_pretrained
from music_affect.run_writer import LAST_CHECKPOINT, RunWriter
from music_affect.steering import best_checkpoint, steering
from music_affect.tasks.base import Task
from music_affect.trackers.epochs import TrackedEpochs
from music_affect.trackers.tracker import Tracker
from music_affect.trainer import make_trainer
from music_affect.transfer import Account, load

OVERFIT_LOSS = 0.1  # a sound network has learnt two batches by heart long before


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Args:
        task: with the weights that are tested.
        weights: which weights those are, and why.
        history: figures of every epoch.
        account: what came from a start, or None where there was none.
    """

    task: Task
    weights: dict[str, Any]
    history: list[dict[str, float | int]]
    account: Account | None

    @property
    def loss_weights(self) -> dict[str, float] | None:
        """Learned weights of the labels' losses, or None where they are not learned."""
        if not self.task.weighting.learned:
            return None
        return {name: float(value.detach()) for name, value in self.task.weighting.weights().items()}


def fit(
    cfg: DictConfig,
    data: ClipDataModule,
    description: Description,
    start: Checkpoint | None,
    writer: RunWriter,
    console: Console,
    tracker: Tracker | None = None,
) -> Fitted:
    """Trains the configured model.

    Args:
        cfg: of the run.
        data: serves the clips.
        description: goes into every checkpoint.
        start: another run whose weights are the beginning, or None.
        writer: the run folder.
        console: for progress.
        tracker: follows the epochs, or None.

    Returns:
        The network with its best weights where there is a validation split, else with its last.

    Raises:
        KeyboardInterrupt: a person or the system asked it to stop.
    """
    task = _network(cfg, data)
    account = _begin(cfg, task, data, start, console)
    if "pretrained" in cfg.model and start is None and writer.resume_from is None:
        console.print(str(load_pretrained(cast(Backbone, task.backbone), cfg.model.pretrained)))
    if task.caution and start is None:
        console.print(Text.assemble(("CAUTION", "bold yellow"), f" {task.caution}"))
    history = History(writer.path / "metrics.csv")
    best = best_checkpoint(cfg, writer.path) if data.splits.get("val") else None
    callbacks = [
        SeedEveryEpoch(cfg.seed),
        Termination(),
        SelfDescription({KEY: description.to_dict()}),
        history,
        *([TrackedEpochs(tracker, lambda: history.rows)] if tracker else []),
        EpochProgress(cfg.task.monitor, console),
        *steering(cfg, best, writer.path),
        Begun(writer.has_begun),
    ]
    with group(Layout.of(build.plain(cfg.trainer)), cfg.trainer.accelerator, writer.path):
        trainer = make_trainer(cfg, callbacks, rank=0)
        with _interruptible(trainer):
            trainer.fit(task, datamodule=data, ckpt_path=writer.resume_from, weights_only=True)
    weights = _tested_weights(cfg, trainer, task, best)
    return Fitted(task, weights, history.rows, account)


def follow(cfg: DictConfig, data: ClipDataModule, writer: RunWriter, rank: int) -> None:
    """Trains beside the process that ``fit`` runs in, which alone writes and whose weights count.

    Args:
        cfg: of the run.
        data: serves the same clips.
        writer: the run folder, claimed by that process.
        rank: of this process.
    """
    task = _network(cfg, data)
    best = best_checkpoint(cfg, writer.path) if data.splits.get("val") else None
    own_dropout = int(np.random.SeedSequence((cfg.seed, rank)).generate_state(1)[0])
    trainer = make_trainer(cfg, [SeedEveryEpoch(own_dropout), *steering(cfg, best, writer.path)], rank)
    trainer.fit(task, datamodule=data, ckpt_path=writer.resume_from, weights_only=True)


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


def _network(cfg: DictConfig, data: ClipDataModule) -> Task:
    """The task with its first weights, the same in every process."""
    keep_freed_memory()
    # Deterministic mode fills every new tensor first, which costs time; nothing here reads unwritten memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    pl.seed_everything(cfg.seed, verbose=False)
    task = build.task(cfg, data.spec, data.splits["train"])
    if Layout.of(build.plain(cfg.trainer)).ranks > 1:
        share_statistics(task)
    return task


def _begin(
    cfg: DictConfig, task: Task, data: ClipDataModule, start: Checkpoint | None, console: Console
) -> Account | None:
    """Loads a start and says what was loaded."""
    if start is None:
        return None
    account = load(task, data.spec, start)
    console.print(
        f"Start: {account.tensors} tensors from {start.path} ({start.description.config['task']['name']}, epoch "
        f"{start.epoch}). Loaded: {', '.join(account.loaded)}. New: {', '.join(account.new) or 'nothing'}. "
        f"Not used: {', '.join(account.unused) or 'nothing'}. Freeze: {cfg.freeze}."
    )
    return account


def predict(cfg: DictConfig, task: Task, loader: DataLoader[Batch]) -> Predictions:
    """Answers for every clip of a split, in order: by label, probabilities [N, C] or values [N], float64."""
    _test(cfg, task, loader)
    found: dict[str, NDArray[np.float64]] = {}
    for name, rows in task.records["test"].predictions.items():
        values = rows.double().cpu().numpy()
        found[name] = values[:, 0] if values.shape[1] == 1 else values / values.sum(axis=1, keepdims=True)
    return found


def check_overfit(fitted: Fitted, data: ClipDataModule, cfg: DictConfig) -> dict[str, float]:
    """Loss on the few batches that were trained on, without dropout.

    Raises:
        TrainingError: it is not near zero.
    """
    _test(cfg, fitted.task, data.windows("train"))
    first, last = float(fitted.history[0]["train/loss"]), fitted.task.epoch_loss("test")
    if not last < OVERFIT_LOSS:
        raise TrainingError(
            f"the loss on the same few clips only fell from {first:.3f} to {last:.3f}",
            expected=f"less than {OVERFIT_LOSS}: a sound network learns them by heart",
            fix="look for a defect in the model or its learning rate, or raise trainer.max_epochs",
        )
    return {"first_loss": first, "last_loss": last}


def _test(cfg: DictConfig, task: Task, loader: DataLoader[Batch]) -> None:
    trainer = make_trainer(cfg, [Termination()])
    with _interruptible(trainer):
        trainer.test(task, loader, verbose=False)


def _tested_weights(cfg: DictConfig, trainer: pl.Trainer, task: Task, best: ModelCheckpoint | None) -> dict[str, Any]:
    """Loads the best weights where there are any; says which weights are tested and why."""
    last_epoch = trainer.current_epoch - 1
    if best is None or best.best_model_score is None:
        reason = "no validation split: all training clips were learnt from, for a fixed number of epochs"
        return {"kind": "last", "epoch": last_epoch, "reason": reason, "file": str(LAST_CHECKPOINT)}
    kept = read_checkpoint(Path(best.best_model_path), trusted=True)  # this run wrote it, and only its weights are used
    task.load_state_dict(dict(kept.weights))
    score = float(best.best_model_score)
    reason = f"best {cfg.task.monitor} ({score:.4f}) of {last_epoch + 1} epochs"
    file = str(LAST_CHECKPOINT.parent / Path(best.best_model_path).name)
    return {"kind": "best", "epoch": kept.epoch, "reason": reason, "file": file}


def count_parameters(task: Task) -> int:
    """Trainable numbers of the backbone and the head."""
    return sum(math.prod(p.shape) for p in task.parameters() if p.requires_grad)
