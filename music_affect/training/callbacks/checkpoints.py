"""Checkpoints in a run's folder."""

from __future__ import annotations

import os
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

FOLDER = "checkpoints"


class RunCheckpoint(ModelCheckpoint):
    """A ``ModelCheckpoint`` in the run's folder, known by its name there: the run may go on where it was moved to.

    Args:
        dirpath: None is the run's folder of checkpoints.
        filename: without its suffix; a later checkpoint replaces an earlier one.
        settings: of ``ModelCheckpoint``.
    """

    def __init__(self, dirpath: str | None = None, filename: str = "best", **settings: Any) -> None:
        super().__init__(dirpath, filename, enable_version_counter=False, **settings)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if self.dirpath is None:
            self.dirpath = os.path.join(trainer.default_root_dir, FOLDER)
        super().setup(trainer, pl_module, stage)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        here: dict[str, Any] = {"dirpath": self.dirpath}
        here |= {key: self._here(state_dict[key]) for key in state_dict if key.endswith("_model_path")}
        here["best_k_models"] = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **here})

    def _here(self, path: str) -> str:
        return os.path.join(self.dirpath or "", os.path.basename(path)) if path else path
