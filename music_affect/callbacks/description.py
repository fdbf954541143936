"""Checkpoints that know everything about themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

KEY = "music_affect"


class SelfDescription(Callback):
    """Adds a description to every checkpoint that is saved.

    Args:
        description: plain containers only, so that the file loads with ``weights_only=True``.
    """

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._description = dict(description)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint[KEY] = self._description
