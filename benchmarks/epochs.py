"""The same network trained for a few epochs in three ways, for ``benchmarks.training`` to time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol
from unittest.mock import patch

import hydra
import numpy as np
import torch
from hydra.utils import instantiate
from lightning.pytorch.loggers import CSVLogger
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, Dataset

from music_affect.configuration import build
from music_affect.configuration.compose import conf_folder
from music_affect.data.datamodule import ClipDataModule
from music_affect.data.preparation import Prepared
from music_affect.data.sampling import TrainingSampler
from music_affect.runs.checkpoint import KEY, describe
from music_affect.runs.writer import RunWriter
from music_affect.tasks.base import parameter_groups
from music_affect.training import assembly
from music_affect.training import fit as fitting
from music_affect.training.callbacks.history import History
from music_affect.training.experiment import prepare
from music_affect.training.trainer import make_trainer

DATA = {"lstm": "fma_beat", "cnn": "fma", "ast": "fma"}
FRAMES = {"fma_beat": (20, 130), "fma": (1292, 1292)}  # of the shortest and of the longest clip
LAB_FRAMES = 150  # what the lab's side reads of a clip at most
TEST_CLIPS = 10

Rows = Sequence[Tensor]  # spectrogram [B, T, F], lengths [B], labels [B]


class Batches(Iterable[Rows], Sized, Protocol):
    """Batches of an epoch, in memory or loaded anew in every epoch."""


class Turn(NamedTuple):
    """Seconds an epoch of each side, and of two of the loaders alone."""

    ours: float
    bare: float
    lab: float
    our_loader: float
    lab_loader: float


class ClipFiles(Dataset[Rows]):
    """One .npy file [F, T] a clip, opened whenever it is asked for, cut or padded with zeros.

    Args:
        paths: files of the clips.
        labels: class indices, int64 [N].
        frames: of every item.
    """

    def __init__(self, paths: Sequence[Path], labels: NDArray[np.int64], frames: int) -> None:
        self._paths, self._labels, self._frames = paths, labels, frames

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, place: int) -> Rows:
        clip = np.load(self._paths[place]).T[: self._frames]
        padded = np.zeros((self._frames, clip.shape[1]), dtype=np.float32)
        padded[: len(clip)] = clip
        return torch.from_numpy(padded), torch.tensor(len(clip)), torch.tensor(self._labels[place])


@dataclass(frozen=True)
class Contest:
    """One model with the data of all sides.

    Args:
        cfg: of the training run, with one epoch more than is timed.
        prepared: clips and cache.
        data: our batches.
        ready: the same of one epoch, in memory.
        files: the lab's batches.
        lab_frames: frames of the lab's batches.
    """

    cfg: DictConfig
    prepared: Prepared
    data: ClipDataModule
    ready: Batches
    files: Batches
    lab_frames: int

    def turn(self) -> Turn:
        """Every side once."""
        ours = self._fit()
        torch.use_deterministic_algorithms(False)  # the trainer's choice, which a plain loop does not make
        bare = self._loop(self.ready, self.data.spec.max_frames)
        lab = self._loop(self.files, self.lab_frames)
        epochs = self.cfg.trainer.max_epochs - 1
        return Turn(ours, bare, lab, drain(self.data.train_dataloader(), epochs), drain(self.files, epochs))

    def _fit(self) -> float:
        about = describe(build.plain(self.cfg), self.prepared, self.data.spec, self.data.normalizer)
        with tempfile.TemporaryDirectory() as name, epoch_starts() as starts:
            folder = Path(name)
            fitting.begin(self.cfg.seed)
            task = build.task(self.cfg, self.data.spec, self.data.splits["train"])
            task.description = {KEY: about.to_dict()}
            history = History(folder / "metrics.csv")
            callbacks = assembly.callbacks(self.cfg, RunWriter(folder), history, 0, validated=False)
            trainer = make_trainer(self.cfg.trainer, callbacks, [CSVLogger(folder)], folder)
            fitting.fit(task, self.data, trainer, folder, None)
            return (time.perf_counter() - starts[1]) / (len(starts) - 1)

    def _loop(self, batches: Batches, max_frames: int) -> float:
        torch.manual_seed(self.cfg.seed)
        task = build.task(self.cfg, replace(self.data.spec, max_frames=max_frames)).train()
        (objective,) = task.objectives
        groups = parameter_groups(task.backbone, objective)
        optimizer = instantiate(self.cfg.optimizer, _partial_=True, _convert_="all")(groups)
        epochs: int = self.cfg.trainer.max_epochs
        steps = epochs * len(batches)
        schedule = build.make(self.cfg.scheduler, optimizer=optimizer, total_steps=steps, epochs=epochs)
        for epoch in range(epochs):
            if epoch == 1:
                began = time.perf_counter()
            for spectrogram, lengths, labels in batches:
                optimizer.zero_grad()
                loss = F.cross_entropy(objective(task.backbone(spectrogram, lengths)), labels)
                torch.autograd.backward(loss)
                clip_grad_norm_(task.parameters(), self.cfg.trainer.gradient_clip_val)
                optimizer.step()
                schedule.step()
        return (time.perf_counter() - began) / (epochs - 1)


@contextmanager
def epoch_starts() -> Iterator[list[float]]:
    """Notes when a trainer begins each of its epochs."""
    starts: list[float] = []
    set_epoch = TrainingSampler.set_epoch

    def noted(sampler: TrainingSampler, epoch: int) -> None:
        starts.append(time.perf_counter())
        set_epoch(sampler, epoch)

    with patch.object(TrainingSampler, "set_epoch", noted):
        yield starts


def drain(batches: Iterable[object], epochs: int) -> float:
    """Seconds an epoch of loading alone."""
    began = time.perf_counter()
    for _ in range(epochs):
        for _ in batches:
            pass
    return (time.perf_counter() - began) / epochs


def contest(model: str, root: Path, clips: int, epochs: int) -> Contest:
    """Writes clips for a model, caches them, and sets up the sides.

    Args:
        model: one of ``DATA``.
        root: folder for the clips and the cache; models that share a data set share its files.
        clips: for training.
        epochs: timed in each measurement.
    """
    words = [f"model={model}", f"data={DATA[model]}", f"data.root={root}", f"paths.cache={root}/cache", "workers=1"]
    with hydra.initialize_config_dir(str(conf_folder().absolute()), version_base="1.3"):
        words += ["trainer=cpu", f"trainer.max_epochs={epochs + 1}", "split.val_fraction=0"]
        cfg = hydra.compose("train", words)
    write_set(root / cfg.data.source.folder, list(cfg.data.source.class_mapping), clips, *FRAMES[cfg.data.name])
    prepared = prepare(cfg, build.source(cfg))
    data = build.datamodule(cfg, prepared.cache, prepared.splits, prepared.targets)
    (target,) = prepared.targets
    ready = [(batch.spectrogram, batch.lengths, batch.targets[target]) for batch in data.train_dataloader()]
    frames = min(LAB_FRAMES, int(prepared.cache.lengths.max()))
    labels = data.labels("train", target).astype(np.int64)
    files = ClipFiles([clip.path for clip in prepared.splits["train"]], labels, frames)
    return Contest(cfg, prepared, data, ready, DataLoader(files, cfg.loader.batch_size, shuffle=True), frames)


def write_set(folder: Path, genres: Sequence[str], clips: int, shortest: int, longest: int) -> None:
    """Noise in the form of one of the lab's sets, unless it is there."""
    if folder.is_dir():
        return
    random = np.random.default_rng(0)
    for part, count in (("train", clips), ("test", TEST_CLIPS)):
        (folder / part).mkdir(parents=True)
        lines = ["Id\tGenre"]
        for number in range(count):
            frames = int(random.integers(shortest, longest + 1))
            mel, chroma = random.uniform(-80, 0, (128, frames)), random.uniform(0, 1, (12, frames))
            np.save(folder / part / f"{number}.fused.full.npy", np.vstack([mel, chroma]).astype(np.float32))
            lines.append(f"{number}.fused.full.npy\t{genres[number % len(genres)]}")
        (folder / f"{part}_labels.txt").write_text("\n".join(lines) + "\n")
