"""The configured Trainer of Lightning, and its silence."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import HalfPrecision
from omegaconf import DictConfig

from music_affect import build, compatibility
from music_affect.checkpoint_io import WholeCheckpoints
from music_affect.distributed.ranks import Layout
from music_affect.errors import ConfigurationError
from music_affect.transfer import frozen_epochs


class _UnroundedLabels(HalfPrecision):
    """Weights in bfloat16, batches as they are: the task casts what its network sees, and labels keep all digits."""

    def convert_input(self, data: Any) -> Any:
        return data


def check_trainer(cfg: DictConfig) -> None:
    """Refuses a trainer that cannot run here, by making it: before hours are spent on features.

    Raises:
        ConfigurationError: this machine cannot run it.
    """
    try:
        make_trainer(cfg, [])
    finally:
        torch.use_deterministic_algorithms(False)  # a trainer sets it for the whole process, features included


def make_trainer(cfg: DictConfig, callbacks: list[Any], rank: int | None = None) -> pl.Trainer:
    """The configured trainer.

    Args:
        cfg: of the run.
        callbacks: all that it calls; it has none of its own.
        rank: of this process among those that train together; None where it works alone.

    Raises:
        ConfigurationError: this machine cannot run it.
    """
    quiet()
    layout = Layout.of(build.plain(cfg.trainer))
    place = layout.alone if rank is None else layout.settings(rank, may_freeze=frozen_epochs(cfg.freeze) != 0)
    precision = cfg.trainer.get("precision")
    plugins: list[Any] = [WholeCheckpoints()]
    if precision == "bf16-true":
        place |= {"precision": None}
        plugins.append(_UnroundedLabels(precision))
    try:
        trainer: pl.Trainer = build.make(
            cfg.trainer,
            callbacks=callbacks,
            plugins=plugins,
            logger=False,  # trackers follow the history
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
            num_sanity_val_steps=0,
            log_every_n_steps=1_000_000,  # figures are per epoch
            **place,
        )
    except (MisconfigurationException, ConfigurationError) as error:
        cause = (error.__cause__ and error.__cause__.__cause__) or error.__cause__ or error
        raise ConfigurationError(
            f"the trainer cannot be set up ({' '.join(str(cause).split())[:300]})",
            expected="settings that this machine has the hardware for",
            fix="try trainer=cpu",
        ) from error
    compatibility.check_precision(precision, trainer.strategy.root_device.type)
    return trainer


def quiet() -> None:
    """Silences what libraries say about themselves; our own console says what matters."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for pattern in (
        ".*does not have many workers.*",
        ".*exists and is not empty.*",
        ".*no logger.*",
        ".*lr_scheduler.step.*",
    ):
        warnings.filterwarnings("ignore", message=pattern)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="lightning")
