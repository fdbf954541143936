"""The configured Trainer of Lightning, and its silence."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch.callbacks import Callback, ModelSummary, ProgressBar
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins import HalfPrecision
from lightning.pytorch.profilers import AdvancedProfiler, PyTorchProfiler, SimpleProfiler
from omegaconf import DictConfig, OmegaConf

from music_affect.configuration import build, compatibility
from music_affect.system import launch
from music_affect.training.batch_norm import SharedStatistics
from music_affect.training.checkpoint_io import WholeCheckpoints

_OF_ONE_DEVICE = ("_target_", "accelerator", "precision", "deterministic", "inference_mode")  # what answers depend on
# Those that Lightning makes by name, with a file in the run's folder.
_PROFILERS = {"simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler}


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
        launch.check(make_trainer(cfg.trainer))
    finally:
        torch.use_deterministic_algorithms(False)  # a trainer sets it for the whole process, features included


def make_trainer(
    settings: DictConfig,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
    folder: Path | None = None,
    *,
    may_freeze: bool = False,
) -> pl.Trainer:
    """The configured trainer.

    Args:
        settings: of the trainer, each of which Lightning takes.
        callbacks: that it calls; those that its ``enable_`` settings rule out are left out.
        loggers: that it tells figures of.
        folder: of the run, where what has no place of its own is written.
        may_freeze: some weights get no gradient at times.

    Raises:
        ConfigurationError: this machine cannot run it.
    """
    quiet()
    own = _plugins(settings)
    replaced: dict[str, Any] = {"plugins": own, "use_distributed_sampler": False, "sync_batchnorm": False}
    if settings.get("precision") == "bf16-true":
        replaced["precision"] = None
    if may_freeze and settings.get("strategy") == "ddp":
        replaced["strategy"] = "ddp_find_unused_parameters_true"
    profiler = settings.get("profiler")
    if folder is not None and profiler in _PROFILERS:
        replaced["profiler"] = _PROFILERS[profiler](dirpath=folder, filename="profile")
    kept = [callback for callback in callbacks if not _ruled_out(callback, settings)]
    with launch.refused_by_lightning():
        trainer: pl.Trainer = build.make(
            settings,
            callbacks=kept,
            logger=list(loggers) or False,
            # Without them Lightning would add its own, of which nobody has asked for.
            enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in kept),
            enable_model_summary=any(isinstance(callback, ModelSummary) for callback in kept),
            enable_checkpointing=bool(kept),
            default_root_dir=folder,
            **replaced,
        )
    compatibility.check_precision(settings.get("precision"), trainer.strategy.root_device.type)
    return trainer


def trainer_for_answers(settings: Mapping[str, Any], callbacks: Sequence[Callback] = ()) -> pl.Trainer:
    """A trainer for tests and predictions: one device of those that a run is configured for, and nothing beside."""
    devices = settings.get("devices", 1)
    kept = {name: settings[name] for name in _OF_ONE_DEVICE if name in settings}
    alone = {"devices": list(devices[:1]) if isinstance(devices, Sequence) and not isinstance(devices, str) else 1}
    return make_trainer(OmegaConf.create({**kept, **alone}), callbacks)


def _plugins(settings: DictConfig) -> list[Any]:
    """Those that a run needs, and a person's own."""
    given = settings.get("plugins")
    found = [WholeCheckpoints(), *(build.make(node) for node in (given if OmegaConf.is_list(given) else []))]
    if settings.get("sync_batchnorm", True):
        found.append(SharedStatistics())
    if settings.get("precision") == "bf16-true":
        found.append(_UnroundedLabels("bf16-true"))
    if "strategy" not in settings:
        found.append(LightningEnvironment())  # a single process, whatever has started it
    elif SLURMEnvironment.detect():
        found.append(SLURMEnvironment(auto_requeue=False))  # a requeued job goes on from the last epoch, exactly
    return found


def _ruled_out(callback: Callback, settings: DictConfig) -> bool:
    bars = isinstance(callback, ProgressBar) and not settings.get("enable_progress_bar", True)
    return bars or (isinstance(callback, ModelSummary) and not settings.get("enable_model_summary", True))


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
