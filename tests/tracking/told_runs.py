"""Tells a tracker of a finished run, as that run did, without training again and without what trains."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from music_affect import build
from music_affect.evaluation.run_folder import read_run
from music_affect.trackers import weights_and_biases
from music_affect.trackers.tracker import ClipPicture, Start, Tracker

WORDS = ["task=joint", "trainer.max_epochs=2", "split.val_fraction=0.2"]
WANDB_FOLDERS = ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR")


def beginning(finished: Path, folder: Path, lines: list[str] | None = None) -> Start:
    """A run of the finished run's configuration that begins in another folder."""
    cfg = OmegaConf.load(finished / "config.yaml")
    assert isinstance(cfg, DictConfig)
    folder.mkdir(exist_ok=True)
    return Start(folder, build.plain(cfg), True, "grid", (lines if lines is not None else []).append)


def follow(tracker: Tracker, finished: Path) -> None:
    """Tells a tracker all that the finished run told, without training again."""
    run = read_run(finished)
    for row in run.history:
        tracker.epoch({name: value for name, value in row.items() if value is not None})
    clips = [ClipPicture(path, path.stem) for path in sorted((finished / "figures" / "clips").glob("*.png"))]
    tracker.report(run, clips)
    tracker.close(failed=False)


def record(finished: Path, folder: Path) -> None:
    """All of it into a W&B recording in another run folder."""
    tracker = weights_and_biases.start(beginning(finished, folder), project="p", mode="offline")
    assert tracker is not None
    follow(tracker, finished)
