"""Seconds an epoch beside a bare loop and beside the lab's way of loading, and seconds until training starts.

    python -m benchmarks.training --models lstm cnn ast --clips 240 --epochs 3 --repeats 3

- ours: ``music_affect.fitting.fit`` over a real feature cache, with its callbacks, checkpoints and scores.
- bare: the same network, optimizer, schedule and clipping in a plain loop over the batches of one epoch, ready in
  memory. It loads, scores and saves nothing: the limit.
- lab: the plain loop over a default DataLoader that opens one .npy file a clip and pads it with zeros (in dB) to the
  longest clip. lstm reads whole beat clips on every side. cnn and ast read the first 150 frames (3.5 s) of a clip, as
  a published report did, since whole clips at full rate would take minutes an epoch; ours reads a random crop of 5 s
  (cnn) or 12 s (ast) with frames averaged in fours. These two compare recipes as well as loading.

The sides take turns in one process with the same number of threads, and one epoch of each is run before the clock
starts. What favours the others: ``fit`` sets the memory allocation of the process, which speeds up all three, and the
files have just been written, so that nobody waits for a disk. The clips are noise in the shape of the lab's sets.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import NamedTuple, Protocol
from unittest.mock import patch

import hydra
import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, Dataset

from music_affect import build, experiment, fitting
from music_affect.command_line import conf_folder, register_resolvers
from music_affect.data.datamodule import ClipDataModule
from music_affect.data.sampling import TrainingSampler
from music_affect.preparation import Prepared, prepare
from music_affect.run_writer import RunWriter
from music_affect.tasks.base import parameter_groups

DATA = {"lstm": "fma_beat", "cnn": "fma", "ast": "fma"}
FRAMES = {"fma_beat": (20, 130), "fma": (1292, 1292)}  # of the shortest and of the longest clip
LAB_FRAMES = {"fma_beat": 130, "fma": 150}
TEST_CLIPS = 10
QUICK_RUN = ["model=lstm", "data=synthetic_beat", "data.source.num_clips=40", "data.source.seconds=3", "trainer=cpu"]
ONE_STEP = ["trainer.max_epochs=1", "+trainer.limit_train_batches=1", "overwrite=true"]

Rows = Sequence[Tensor]  # spectrogram [B, T, F], lengths [B], labels [B]


class Batches(Iterable[Rows], Sized, Protocol):
    """Batches of an epoch, in memory or loaded anew in every epoch."""


class Turn(NamedTuple):
    """Seconds an epoch of each side, and of its loader alone."""

    ours: float
    bare: float
    lab: float
    our_loader: float
    lab_loader: float


class ClipFiles(Dataset[Rows]):
    """One .npy file [F, T] a clip, opened whenever it is asked for, cut or padded with zeros to ``frames``."""

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
        cfg: of the training run; its last epochs are timed, all but one.
        prepared: clips and cache.
        data: our batches.
        ready: the same of one epoch, in memory.
        files: the lab's batches.
    """

    cfg: DictConfig
    prepared: Prepared
    data: ClipDataModule
    ready: Batches
    files: Batches

    def turn(self) -> Turn:
        """Every side once."""
        ours = self._fit()
        torch.use_deterministic_algorithms(False)  # the trainer's setting, which a plain loop does not have
        bare = self._loop(self.ready, self.data.spec.max_frames)
        lab = self._loop(self.files, LAB_FRAMES[self.cfg.data.name])
        epochs = self.cfg.trainer.max_epochs - 1
        return Turn(ours, bare, lab, _drain(self.data.train_dataloader(), epochs), _drain(self.files, epochs))

    def _fit(self) -> float:
        about = experiment.describe(self.cfg, self.prepared, self.data.spec, self.data.normalizer)
        with tempfile.TemporaryDirectory() as folder, _epoch_starts() as starts:
            fitting.fit(self.cfg, self.data, about, [], RunWriter(Path(folder)), Console(quiet=True))
            return (time.perf_counter() - starts[1]) / (len(starts) - 1)

    def _loop(self, batches: Batches, max_frames: int) -> float:
        torch.manual_seed(self.cfg.seed)
        task = build.task(self.cfg, replace(self.data.spec, max_frames=max_frames)).train()
        settings = self.cfg.optimizer
        optimizer = torch.optim.AdamW(
            parameter_groups(task), lr=settings.lr, betas=tuple(settings.betas), weight_decay=settings.weight_decay
        )
        epochs = self.cfg.trainer.max_epochs
        schedule = build.make(self.cfg.scheduler, optimizer=optimizer, total_steps=epochs * len(batches))
        for epoch in range(epochs):
            if epoch == 1:
                start = time.perf_counter()
            for spectrogram, lengths, labels in batches:
                optimizer.zero_grad()
                F.cross_entropy(task.head(task.backbone(spectrogram, lengths)), labels).backward()
                clip_grad_norm_(task.parameters(), self.cfg.trainer.gradient_clip_val)
                optimizer.step()
                schedule.step()
        return (time.perf_counter() - start) / (epochs - 1)


@contextmanager
def _epoch_starts() -> Iterator[list[float]]:
    """Notes when a trainer begins each epoch."""
    starts: list[float] = []
    set_epoch = TrainingSampler.set_epoch

    def noted(sampler: TrainingSampler, epoch: int) -> None:
        starts.append(time.perf_counter())
        set_epoch(sampler, epoch)

    with patch.object(TrainingSampler, "set_epoch", noted):
        yield starts


def _drain(batches: Iterable[object], epochs: int) -> float:
    start = time.perf_counter()
    for _ in range(epochs):
        for _ in batches:
            pass
    return (time.perf_counter() - start) / epochs


def contest(model: str, root: Path, clips: int, epochs: int) -> Contest:
    """Writes clips for a model, caches them, and builds the sides."""
    words = [f"model={model}", f"data={DATA[model]}", f"data.root={root}", f"paths.cache={root}/cache", "trainer=cpu"]
    register_resolvers()
    with hydra.initialize_config_dir(str(conf_folder()), version_base="1.3"):
        cfg = hydra.compose("train", [*words, f"trainer.max_epochs={epochs + 1}", "split.val_fraction=0", "workers=1"])
    write_set(root / cfg.data.source.folder, list(cfg.data.source.class_mapping), clips, *FRAMES[cfg.data.name])
    prepared = prepare(cfg, build.source(cfg), lambda line: None)
    data = build.datamodule(cfg, prepared.cache, prepared.splits, {prepared.target: prepared.kind})
    ready = [(batch.spectrogram, batch.lengths, batch.targets[prepared.target]) for batch in data.train_dataloader()]
    labels = data.labels("train", prepared.target).astype(np.int64)
    files = ClipFiles([clip.path for clip in prepared.splits["train"]], labels, LAB_FRAMES[cfg.data.name])
    return Contest(cfg, prepared, data, ready, DataLoader(files, batch_size=cfg.loader.batch_size, shuffle=True))


def write_set(folder: Path, genres: Sequence[str], clips: int, shortest: int, longest: int) -> None:
    """Noise in the form of one of the lab's sets, unless an earlier model had it written."""
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


def epoch_table(turns: dict[str, list[Turn]]) -> Table:
    table = Table(title=f"Seconds an epoch, median of repeats ({torch.get_num_threads()} threads)")
    for heading in ("model", "ours", "bare", "lab", "ours / bare", "lab / ours", "loading, ours", "loading, lab"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for model, found in turns.items():
        seconds = [f"{median(turn[side] for turn in found):.3f}" for side in range(3)]
        ratios = [median(turn.ours / turn.bare for turn in found), median(turn.lab / turn.ours for turn in found)]
        shares = [median(t.our_loader / t.ours for t in found), median(t.lab_loader / t.lab for t in found)]
        table.add_row(model, *seconds, *(f"{ratio:.2f}" for ratio in ratios), *(f"{share:.1%}" for share in shares))
    return table


def startup_table(folder: Path, repeats: int) -> Table:
    """Times whole processes of one training step on 40 synthetic clips whose features are cached.

    The step is over when metrics.csv is there: it is written at the end of the epoch, which has this one step.
    """
    words = [*QUICK_RUN, *ONE_STEP, f"paths.cache={folder}/cache", f"hydra.run.dir={folder}/run"]
    train = [sys.executable, "-m", "music_affect.train", *words]
    imports = [sys.executable, "-c", "import torch, lightning.pytorch"]
    _process(train)  # composes the clips and extracts their features
    first, whole, importing = [], [], []
    for _ in track(range(repeats), "starting", transient=True):
        began, seconds = time.time(), _process(train)
        first.append((folder / "run" / "metrics.csv").stat().st_mtime - began)
        whole.append(seconds)
        importing.append(_process(imports))
    table = Table("measured", "seconds", title="From the start of a process, warm cache, median of repeats")
    table.add_row("importing torch and lightning alone", f"{median(importing):.2f}")
    table.add_row("music_affect.train until its first step is done", f"{median(first):.2f}")
    table.add_row("the same with references, test and report, to its end", f"{median(whole):.2f}")
    return table


def _process(command: Sequence[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - began


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--clips", type=int, default=240, help="training clips of each set (default: 240)")
    parser.add_argument("--epochs", type=int, default=3, help="timed in each measurement (default: 3)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of all sides (default: 3)")
    arguments = parser.parse_args()
    if min(arguments.clips, arguments.epochs, arguments.repeats) < 1:
        parser.error("--clips, --epochs and --repeats: at least one each")
    return arguments


def main() -> None:
    """Prints both tables."""
    arguments = parse_arguments()
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        turns = {}
        for model in arguments.models:
            sides = contest(model, root, arguments.clips, arguments.epochs)
            turns[model] = [sides.turn() for _ in track(range(arguments.repeats), model, console=console, transient=True)]
        console.print(epoch_table(turns))
        console.print(startup_table(root, arguments.repeats))


if __name__ == "__main__":
    main()
