"""A run as a trial of a search: what is added to its training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from music_affect.search.trial import TrialReport, make_pruner

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback


def callbacks(cfg: DictConfig) -> list[Callback]:
    """What a run needs as a trial of a search; nothing where it is none."""
    given = cfg.get("search")
    if given is None or given.trial is None:
        return []
    from music_affect.callbacks.pruning import Pruning

    pruner = make_pruner(
        given.pruner,
        grace_epochs=given.grace_epochs,
        startup_trials=given.startup_trials,
        epochs=cfg.trainer.max_epochs,
    )
    return [Pruning(cfg.task.monitor, TrialReport(Path(given.study), given.trial, pruner))]
