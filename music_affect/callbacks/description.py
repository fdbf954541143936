"""Checkpoints that know everything about themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class SelfDescription(Callback):
    """Adds a description to every checkpoint that is saved.

    Args:
        entries: of the checkpoint; plain containers only, so that the file loads with ``weights_only=True``.
    """

    def __init__(self, entries: Mapping[str, Any]) -> None:
        self._entries = dict(entries)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint.update(self._entries)
