"""The moment from which a run can be resumed."""

from __future__ import annotations

from collections.abc import Callable

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint


class Begun(Checkpoint):
    """Says so once the first epoch is finished and its checkpoint is on the disk.

    A ``Checkpoint`` by type, and the last of them, since Lightning calls these in their order after all others.

    Args:
        tell: called once, in the process that writes.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Callable[[], None] | None = tell

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._tell is not None and trainer.is_global_zero:
            self._tell()
            self._tell = None
