"""A small folder of music and runs on it that stop in the middle, for the tests of what is left of them."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from audio_files import write_music
from lightning.pytorch import LightningModule, Trainer
from omegaconf import DictConfig
from running import compose

from music_affect.train import train
from music_affect.training.callbacks.seeding import SeedEveryEpoch

PARTS = ["train"] * 6 + ["val"] * 2 + ["test"] * 4
WORDS = ["data=folder", "model=cnn_fast", "trainer=cpu", "trainer.max_epochs=4", "loader.windows=1", "workers=1"]
Rows = list[list[str]]


def write_labelled_music(root: Path) -> Path:
    paths = write_music(root, len(PARTS), seconds=1.5)
    write_labels(root, [[path.name, "ab"[number % 2], PARTS[number]] for number, path in enumerate(paths)])
    return root


def write_labels(root: Path, rows: Rows) -> None:
    (root / "labels.csv").write_text("\n".join(",".join(row) for row in [["path", "genre", "split"], *rows]) + "\n")


def composed(root: Path, *words: str) -> DictConfig:
    return compose("train", *WORDS, f"data.root={root}", *words)


def trained(root: Path, folder: Path, *words: str) -> dict[str, Any]:
    return train(composed(root, *words), folder)


@contextmanager
def at_epoch(epoch: int, action: Callable[[], object]) -> Iterator[None]:
    """Does something at the start of an epoch of whatever is trained in the block."""

    class Acting(SeedEveryEpoch):
        def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            super().on_train_epoch_start(trainer, pl_module)
            if trainer.current_epoch == epoch:
                action()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("music_affect.training.assembly.SeedEveryEpoch", Acting)
        yield


def interrupted(root: Path, folder: Path, *words: str, epoch: int = 2) -> Path:
    """A run that somebody stopped when so many epochs were done."""
    with at_epoch(epoch, lambda: signal.raise_signal(signal.SIGINT)), pytest.raises(KeyboardInterrupt):
        trained(root, folder, *words)
    return folder


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file can grow beyond so many bytes in the block: what a full disk does, on any machine."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def hidden(folder: Path) -> list[str]:
    """Names of what a run should not leave behind."""
    return sorted(path.name for path in folder.rglob(".*") if path.name != ".lock")
