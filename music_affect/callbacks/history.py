"""metrics.csv: the figures of every epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from music_affect import files


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

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        rate = trainer.optimizers[0].param_groups[-1]["lr"]  # of the heads
        self._rows.append({"epoch": trainer.current_epoch, **figures, "lr": float(rate)})
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        cells = [[_cell(name, row.get(name)) for name in columns] for row in self._rows]
        files.write_csv(self._path, columns, cells)


def _cell(name: str, value: float | int | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if name == "epoch" else f"{value:.9g}"
