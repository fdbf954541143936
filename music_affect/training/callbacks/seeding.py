"""Randomness that depends on seed and epoch alone."""

from __future__ import annotations

import random

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class SeedEveryEpoch(Callback):
    """Seeds all generators anew at the start of each epoch.

    A run that was stopped and resumed at an epoch's start then draws the same dropout masks as one that was not.

    Args:
        seed: of the training run.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        value = int(np.random.SeedSequence((self._seed, trainer.current_epoch)).generate_state(1)[0])
        random.seed(value)
        np.random.seed(value)
        torch.manual_seed(value)
