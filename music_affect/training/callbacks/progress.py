"""One line that tells how training goes."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ProgressBar
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from music_affect.system.console import make

LINES_WITHOUT_TERMINAL = 10  # a log file gets about so many lines a run


class EpochProgress(ProgressBar, Checkpoint):
    """A bar over the epochs with the latest figures; plain lines where the output is no terminal.

    A ``Checkpoint`` by type, since Lightning calls only these after the task has scored the epoch.

    Args:
        figure: shown beside the losses, e.g. ``val/f1_macro``.
        console: where to print; None prints on the console that commands print on.
    """

    def __init__(self, figure: str, console: Console | None = None) -> None:
        super().__init__()
        self._figure, self._console = figure, console or make()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._began = 0.0

    def disable(self) -> None:
        """Called by Lightning in every process but the first."""
        self._console.quiet = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._began = time.perf_counter()
        numbers = sum(weight.numel() for weight in pl_module.parameters() if weight.requires_grad)
        self._console.print(
            f"Training {numbers:,} parameters on {_name(trainer.strategy.root_device)}, {trainer.precision}, "
            f"{trainer.max_epochs} epochs."
        )
        if not self._console.is_terminal:
            return
        columns = [
            TextColumn("Training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
        ]
        self._bar = Progress(
            *columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=self._console
        )
        self._task = self._bar.add_task("", total=trainer.max_epochs, completed=trainer.current_epoch)
        self._bar.start()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        figures = self._figures(trainer)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, description=figures)
            return
        epoch, total = trainer.current_epoch + 1, trainer.max_epochs or 1
        if epoch % max(1, total // LINES_WITHOUT_TERMINAL) == 0 or epoch == total:
            seconds = time.perf_counter() - self._began
            self._console.print(f"epoch {epoch}/{total}  {figures}  {seconds:.0f} s")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.teardown(trainer, pl_module, "fit")

    def _figures(self, trainer: Trainer) -> str:
        metrics: dict[str, Any] = dict(trainer.callback_metrics)
        shown = [name for name in ("train/loss", "val/loss", self._figure) if name in metrics]
        return "  ".join(f"{name} {float(metrics[name]):.3f}" for name in shown)


def _name(device: torch.device) -> str:
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
