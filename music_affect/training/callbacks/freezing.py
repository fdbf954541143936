"""A backbone that stays as it is, for some epochs or for all."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer


class FreezeBackbone(Callback):
    """Keeps the backbone's weights and its running statistics as they are, and its dropout off.

    Args:
        epochs: how long; None for the whole run.
    """

    def __init__(self, epochs: int | None) -> None:
        self._epochs = epochs

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        frozen = self._epochs is None or trainer.current_epoch < self._epochs
        backbone = pl_module.get_submodule("backbone")
        backbone.requires_grad_(not frozen)
        backbone.train(not frozen)
