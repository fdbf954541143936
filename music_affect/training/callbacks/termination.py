"""What SIGTERM, SIGHUP and the end of another process mean while a network is trained or tested."""

from __future__ import annotations

import signal
import threading

from lightning.pytorch import Callback, LightningModule, Trainer

from music_affect.system.launch import watch_children


class Termination(Callback):
    """Makes SIGTERM and SIGHUP the same as Ctrl-C, unless a launcher, or nohup, has an answer of its own to them.

    Lightning's own answer ends the run a batch later, by an exchange between the processes that the others do not
    expect. SLURM's launcher lets SIGTERM pass: a preempted job that ended by itself would not be queued again.
    """

    def __init__(self) -> None:
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has one
        before = {number: signal.getsignal(number) for number in numbers}
        self._answers = {
            number: signal.default_int_handler if answer in (None, signal.SIG_DFL) else answer
            for number, answer in before.items()
        }

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        watch_children(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._set()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._set()

    def _set(self) -> None:
        """In place of Lightning's handler; Lightning restores those of before when it is done."""
        if threading.current_thread() is threading.main_thread():
            for number, answer in self._answers.items():
                signal.signal(number, answer)
