"""metrics.csv: the figures of every epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from music_affect.system import files


class History(Checkpoint):
    """Writes one row an epoch; checkpoints carry the rows, so a resumed run keeps those that it builds on.

    A ``Checkpoint`` by type, since Lightning calls only these after the task has scored the epoch.

    Args:
        path: of the table.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[dict[str, float | int]] = []

    @property
    def rows(self) -> list[dict[str, float | int]]:
        """Figures so far, one dictionary an epoch."""
        return self._rows

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self._rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._rows = list(state_dict["rows"])

    # The rows are restored by now, and a run with nothing left to train comes no further than this.
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for logger in trainer.loggers:
            if self._rows and hasattr(logger, "replay"):
                logger.replay(self._rows)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1):  # those of an earlier epoch
            figures = {name: value for name, value in figures.items() if not name.startswith("val/")}
        rate = trainer.optimizers[0].param_groups[-1]["lr"]  # of the heads, with all of its digits
        self._rows.append({"epoch": trainer.current_epoch, **figures, "lr": float(rate)})
        if not trainer.is_global_zero:
            return
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        cells = [[_cell(name, row.get(name)) for name in columns] for row in self._rows]
        files.write_csv(self._path, columns, cells)


def _cell(name: str, value: float | int | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if name == "epoch" else f"{value:.9g}"
