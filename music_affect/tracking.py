"""Experiment trackers. They mirror a run; the run folder is its record, with every tracker and without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from omegaconf import DictConfig
from rich.console import Console

from music_affect import build

PATIENCE = 20  # seconds until an unreachable server is given up
Mode = Literal["online", "offline", "disabled"]

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger


@contextmanager
def logger(cfg: DictConfig, run_folder: Path, console: Console) -> Iterator[Logger | None]:
    """The configured tracker for the time of the block; closed with the right status."""
    if "_target_" not in cfg.logger:
        yield None
        return
    made: Logger = build.make(cfg.logger, run_folder=run_folder, config=build.plain(cfg), say=console.print)
    try:
        yield made
    except BaseException:
        made.finalize("failed")
        _close_wandb(exit_code=1)
        raise
    made.finalize("success")
    _close_wandb(exit_code=0)


def tensorboard(run_folder: Path, config: dict[str, Any], say: Any) -> TensorBoardLogger:
    """Writes TensorBoard events into the run folder."""
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(run_folder, name=None, version="tensorboard")


def weights_and_biases(run_folder: Path, config: dict[str, Any], say: Any, project: str, mode: Mode) -> WandbLogger:
    """Logs to Weights & Biases, or offline into the run folder where there is no key or no network."""
    import wandb
    from lightning.pytorch.loggers import WandbLogger

    if mode == "online" and not wandb.api.api_key:
        say("No W&B key is set: logging offline; `wandb login`, then `wandb sync` the folder to upload it.")
        mode = "offline"
    axes = [config["model"]["name"], config["data"]["name"], config["features"]["name"], config["task"]["name"]]
    settings = wandb.Settings(silent=True, console="off", init_timeout=PATIENCE)
    arguments: dict[str, Any] = {"project": project, "dir": run_folder, "name": run_folder.name, "tags": axes}
    try:
        run = wandb.init(config=config, mode=mode, settings=settings, **arguments)
    except (wandb.errors.Error, OSError) as error:
        say(f"W&B cannot be reached ({error}): logging offline.")
        run = wandb.init(config=config, mode="offline", settings=settings, **arguments)
    return WandbLogger(experiment=run)


def _close_wandb(exit_code: int) -> None:
    if "wandb" in sys.modules and sys.modules["wandb"].run is not None:
        sys.modules["wandb"].finish(exit_code=exit_code)
