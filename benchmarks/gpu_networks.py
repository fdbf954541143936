"""Every network in bf16 beside single precision, and a step of every published experiment, for ``benchmarks.gpu``."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks.gpu_settings import Figures, Settings, scaled
from music_affect.configuration import build, compatibility
from music_affect.configuration.compose import conf_folder
from music_affect.contracts.batch import Batch
from music_affect.contracts.spec import Categorical, Continuous, DataSpec, Target
from music_affect.tasks.base import Task
from music_affect.training.trainer import make_trainer

CLIPS = 8  # of the batch that both sides learn
STEPS = 5
BEFORE, AFTER, ANSWERS = 0.02, 0.10, 0.02  # the tolerances: of the loss, of the loss after the steps, of probabilities
FULL_RATE, BEATS = 1292, 130  # frames of the lab's longest clips, of 30 s
BLOCKS = {"mel": 128, "chroma": 12}
GENRES = Categorical(tuple(f"genre {number}" for number in range(10)))


def models(settings: Settings, figures: Figures) -> None:
    """The loss and the answers of every network on the device beside those of the CPU."""
    for name in compatibility.choices("model"):
        if "net" not in compatibility.choice("model", name):
            continue
        settings.check_time(name)
        words = ["data=fma", "features=fused", f"model={name}"]
        found = _course(settings.compose(*words), settings, CLIPS)
        exact = _course(
            settings.compose(*words, "trainer.accelerator=cpu", "trainer.precision=32-true"), settings, CLIPS
        )
        before, after = found.before / exact.before - 1, found.after / exact.after - 1
        distance = float((found.answers - exact.answers).abs().max())
        figures.add(
            f"{name}: loss and loss after {STEPS} steps off by; answers off by",
            f"{before:+.2%}, {after:+.2%}; {distance:.4f}",
            expected=f"{BEFORE:.0%}, {AFTER:.0%}; {ANSWERS}",
            holds=abs(before) <= BEFORE and abs(after) <= AFTER and distance <= ANSWERS,
            device=found[:2],
            cpu=exact[:2],
            answers=distance,
        )


def experiments(settings: Settings, figures: Figures) -> None:
    """A step of every experiment of S3 at its batch size and length, and seconds of a second one."""
    for path in sorted((conf_folder() / "experiment" / "published/s3").glob("*.yaml")):
        settings.check_time(path.stem)
        cfg = settings.compose(f"experiment=published/s3/{path.stem}")
        batch, spec = made_batch(cfg, settings, cfg.loader.batch_size)
        task = _task(cfg, spec)
        seconds = []
        for _ in range(2):
            began = settings.clock()
            _fit(cfg, task, batch, 1)
            seconds.append(settings.clock() - began)
        loss, shape = task.epoch_loss("train"), list(batch.spectrogram.shape)
        figures.add(f"s3/{path.stem}: loss at {shape}", scaled([loss]), holds=math.isfinite(loss), seconds=seconds)


def made_batch(cfg: DictConfig, settings: Settings, rows: int) -> tuple[Batch, DataSpec]:
    """Noise in the form of the configured data, and what such data publishes."""
    longest = BEATS if cfg.data.beat else FULL_RATE // cfg.loader.average_frames
    frames = min(longest, build.loading(cfg, build.frame_rate(cfg)).crop_frames or longest)
    rows, frames = (min(rows, 6), min(frames, 24)) if settings.tiny else (rows, frames)
    columns, blocks = 0, {}
    for name in cfg.features.blocks:
        blocks[name] = (columns, columns + BLOCKS[name])
        columns += BLOCKS[name]
    random = torch.Generator().manual_seed(0)
    kinds: dict[str, Target] = {
        name: GENRES if kind == "categorical" else Continuous(0.0, 1.0)
        for name, kind in compatibility.wanted(cfg.task).items()
    }
    values = {
        name: torch.arange(rows) % 10 if isinstance(kind, Categorical) else torch.rand(rows, generator=random)
        for name, kind in kinds.items()
    }
    spectrogram = torch.randn(rows, frames, columns, generator=random)
    batch = Batch(spectrogram, torch.full((rows,), frames), values, torch.arange(rows))
    return batch, DataSpec(columns, frames, kinds, blocks)


class _Course(NamedTuple):
    """Loss before and after a few steps on one batch, and the answers before: probabilities [B, C]."""

    before: float
    after: float
    answers: Tensor


def _course(cfg: DictConfig, settings: Settings, rows: int) -> _Course:
    batch, spec = made_batch(cfg, settings, rows)
    task = _task(cfg, spec)
    for module in task.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # its masks differ between devices
    before = _tested_loss(cfg, task, batch)
    (answers,) = task.records["test"].predictions.values()
    _fit(cfg, task, batch, STEPS)
    return _Course(before, _tested_loss(cfg, task, batch), answers.cpu())


def _task(cfg: DictConfig, spec: DataSpec) -> Task:
    torch.manual_seed(0)
    return build.task(cfg, spec)


def _fit(cfg: DictConfig, task: Task, batch: Batch, steps: int) -> None:
    cfg.trainer.max_epochs = 1
    make_trainer(cfg.trainer, []).fit(task, DataLoader([batch] * steps, batch_size=None))  # type: ignore[arg-type]


def _tested_loss(cfg: DictConfig, task: Task, batch: Batch) -> float:
    make_trainer(cfg.trainer, []).test(task, DataLoader([batch], batch_size=None), verbose=False)  # type: ignore[arg-type]
    return task.epoch_loss("test")
