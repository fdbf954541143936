"""Hands the figures of every epoch to a tracker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from music_affect.trackers.tracker import Tracker


class TrackedEpochs(Checkpoint):
    """Mirrors the run's history, that of an earlier attempt included.

    A ``Checkpoint`` by type, since Lightning calls only these after the task has scored the epoch; it stands behind
    the history.

    Args:
        tracker: follows the run.
        rows: gives the history so far, one row an epoch.
    """

    def __init__(self, tracker: Tracker, rows: Callable[[], Sequence[Mapping[str, float | int]]]) -> None:
        self._tracker, self._rows = tracker, rows

    # The history is restored by now, and a run with nothing left to train comes no further than this.
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for row in self._rows():
            self._tracker.epoch(row)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._tracker.epoch(self._rows()[-1])
