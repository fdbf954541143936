"""What SIGTERM means while a network is trained or tested."""

from __future__ import annotations

import signal
import threading

from lightning.pytorch import Callback, LightningModule, Trainer


class Termination(Callback):
    """Makes SIGTERM the same as Ctrl-C, unless a launcher has an answer of its own to it.

    Lightning's own answer ends the run a batch later, by an exchange between the processes that the others do not
    expect. SLURM's launcher lets SIGTERM pass: a preempted job that ended by itself would not be queued again.
    """

    def __init__(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        self._answer = signal.default_int_handler if before in (None, signal.SIG_DFL) else before

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._set()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._set()

    def _set(self) -> None:
        """In place of Lightning's handler; Lightning restores that of before when it is done."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._answer)
