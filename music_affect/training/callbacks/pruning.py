"""Trials of a search that fall behind the others are stopped."""

from __future__ import annotations

from collections.abc import Callable

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from music_affect.contracts.errors import MusicAffectError


class PrunedError(MusicAffectError):
    """A trial that was stopped since others are better; no failure.

    Attributes:
        state: of its run folder.
    """

    state = "pruned"


class Pruning(Checkpoint):
    """Reports the deciding figure after every epoch, and ends the run where the answer is to stop.

    A ``Checkpoint`` by type, since Lightning calls only these after the task has scored the epoch.

    Args:
        monitor: the figure, e.g. ``val/f1_macro``.
        report: takes the number of epochs done and the figure, and answers whether to stop.
    """

    def __init__(self, monitor: str, report: Callable[[int, float], bool]) -> None:
        self._monitor, self._report = monitor, report

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Raises ``PrunedError`` to stop."""
        if self._monitor not in trainer.callback_metrics:
            return
        value, epochs = float(trainer.callback_metrics[self._monitor]), trainer.current_epoch + 1
        hopeless = trainer.is_global_zero and self._report(epochs, value)
        if trainer.strategy.broadcast(hopeless):  # of several processes one reports, and all stop
            raise PrunedError(
                f"stopped after {epochs} epochs with {self._monitor} {value:.3f}",
                expected="a figure like those of the better trials",
                fix="nothing to do; the search goes on with other settings",
            )
