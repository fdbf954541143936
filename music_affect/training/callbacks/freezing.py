"""A part of a network that stays as it is, for some epochs or for all."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer


class Freeze(Callback):
    """Keeps the weights and running statistics of a part as they are, and its dropout off.

    Args:
        part: its name in the module, such as ``backbone``.
        epochs: how long; None for the whole run.
    """

    def __init__(self, part: str, epochs: int | None) -> None:
        self._part, self._epochs = part, epochs

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        frozen = self._epochs is None or trainer.current_epoch < self._epochs
        part = pl_module.get_submodule(self._part)
        part.requires_grad_(not frozen)
        part.train(not frozen)
