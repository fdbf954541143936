"""What changes the course of training: checkpoints, early stopping, frozen backbones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from omegaconf import DictConfig

from music_affect.callbacks.freezing import FreezeBackbone
from music_affect.callbacks.pruning import Pruning
from music_affect.run_writer import LAST_CHECKPOINT
from music_affect.search.trial import TrialReport, make_pruner
from music_affect.transfer import frozen_epochs


class RunCheckpoint(ModelCheckpoint):
    """A checkpoint in the run's folder that is known by its name there: the run may go on where it was moved to."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        here: dict[str, Any] = {"dirpath": self.dirpath}
        here |= {key: self._here(state_dict[key]) for key in state_dict if key.endswith("_model_path")}
        here["best_k_models"] = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **here})

    def _here(self, path: str) -> str:
        return os.path.join(self.dirpath or "", os.path.basename(path)) if path else path


def steering(cfg: DictConfig, best: ModelCheckpoint | None, folder: Path) -> list[Any]:
    """Callbacks that change the course of training, or wait for all processes: each process has the same."""
    frozen = frozen_epochs(cfg.freeze)
    return [
        *([FreezeBackbone(frozen)] if frozen != 0 else []),
        *([best] if best else []),
        *([_early_stopping(cfg)] if best and cfg.callbacks.early_stopping.patience else []),
        *_pruning(cfg),
        _last_checkpoint(folder),  # at the end: it keeps what the others know, and a resumed run starts from it
    ]


def _pruning(cfg: DictConfig) -> list[Pruning]:
    """What a run needs as a trial of a search; nothing where it is none."""
    given = cfg.get("search")
    if given is None or given.trial is None:
        return []
    pruner = make_pruner(
        given.pruner,
        grace_epochs=given.grace_epochs,
        startup_trials=given.startup_trials,
        epochs=cfg.trainer.max_epochs,
    )
    return [Pruning(cfg.task.monitor, TrialReport(Path(given.study), given.trial, pruner))]


def _last_checkpoint(folder: Path) -> ModelCheckpoint:
    return RunCheckpoint(
        folder / LAST_CHECKPOINT.parent,
        filename=LAST_CHECKPOINT.stem,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def best_checkpoint(cfg: DictConfig, folder: Path) -> ModelCheckpoint:
    """Keeps the weights of the best epoch on the validation part."""
    return RunCheckpoint(
        folder / LAST_CHECKPOINT.parent,
        filename="best",
        monitor=cfg.task.monitor,
        mode=cfg.task.mode,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def _early_stopping(cfg: DictConfig) -> EarlyStopping:
    patience = cfg.callbacks.early_stopping.patience
    return EarlyStopping(cfg.task.monitor, mode=cfg.task.mode, patience=patience, check_on_train_epoch_end=True)
