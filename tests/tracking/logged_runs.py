"""Logs a finished run again, as that run did, without training again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from omegaconf import OmegaConf

from music_affect.runs.reader import read_run
from music_affect.training.loggers import opened
from music_affect.training.loggers.spectrograms import ClipPicture
from music_affect.training.loggers.wandb import WandbLogger

WORDS = ["task=joint", "trainer.max_epochs=2", "split.val_fraction=0.2"]
WANDB_FOLDERS = ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR")
BATCHES = 5  # of an epoch


def config_of(run: Path) -> dict[str, Any]:
    """The configuration of a run, resolved."""
    content = OmegaConf.to_container(OmegaConf.load(run / "config.yaml"))
    assert isinstance(content, dict)
    return {str(name): value for name, value in content.items()}


def rows_of(run: Path) -> list[dict[str, float]]:
    """The figures of its epochs."""
    return [{name: value for name, value in row.items() if value is not None} for row in read_run(run).history]


def log_epoch(logger: Logger, row: dict[str, float]) -> None:
    """As Lightning does: first what validation has logged, then training, over batches."""
    step = (int(row["epoch"]) + 1) * BATCHES
    for part in ("val/", "train/"):
        figures = {name: value for name, value in row.items() if name.startswith(part)}
        logger.log_metrics({**figures, "epoch": row["epoch"]}, step)


def log_again(logger: Logger, finished: Path) -> None:
    """Logs all that the finished run has logged."""
    clips = [ClipPicture(path, path.stem) for path in sorted((finished / "figures" / "clips").glob("*.png"))]
    with opened([logger], config_of(finished)) as loggers:
        for row in rows_of(finished):
            log_epoch(logger, row)
        for one in loggers:
            one.log_report(read_run(finished), clips)  # type: ignore[attr-defined]


def interrupt(logger: Logger, config: dict[str, Any], *rows: dict[str, float]) -> None:
    """A run that is interrupted after some epochs."""
    with opened([logger], config):
        for row in rows:
            log_epoch(logger, row)
        raise KeyboardInterrupt


def record(finished: Path, folder: Path) -> None:
    """All of it into a W&B recording in another run folder."""
    log_again(WandbLogger(str(folder), project="p", mode="offline"), finished)
