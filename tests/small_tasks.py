"""Tasks whose predictions are known beforehand, and the trainer that runs them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from music_affect.contracts.batch import Batch
from music_affect.tasks.base import Task
from music_affect.tasks.epoch_record import EpochRecord
from music_affect.tasks.objective import Objective
from music_affect.tasks.regression import Regression
from music_affect.tasks.schedules import constant
from music_affect.tasks.weighting import Fixed


class FirstFrame(nn.Module):
    """The first frame as the embedding."""

    def __init__(self, out_features: int) -> None:
        super().__init__()
        self.out_features = out_features

    def forward(self, spectrogram: Tensor, lengths: Tensor) -> Tensor:
        return spectrogram[:, 0]


def reading(column: int, columns: int = 1) -> Regression:
    """A scale whose prediction is a column of the first frame."""
    made = Regression(columns, bounded=False)
    with torch.no_grad():
        made.head.weight.zero_()[0, column] = 1.0
        made.head.bias.zero_()
    return made


def make_task(objectives: Mapping[str, Objective], columns: int = 1) -> Task:
    weighting = Fixed({name: objective.categorical for name, objective in objectives.items()})
    return Task(FirstFrame(columns), objectives, weighting, partial(torch.optim.AdamW, lr=1e-3), constant, "val/score")


def batches(frames: Tensor, targets: Mapping[str, Tensor], sizes: Sequence[int]) -> list[Batch]:
    """Clips of one frame [N, F] and their labels, in batches of these sizes."""
    assert sum(sizes) == len(frames)
    ends = torch.tensor(sizes).cumsum(0).tolist()
    return [
        Batch(
            frames[end - size : end, None],
            torch.ones(size, dtype=torch.int64),
            {name: values[end - size : end] for name, values in targets.items()},
            torch.arange(end - size, end),
        )
        for end, size in zip(ends, sizes, strict=True)
    ]


def after_testing(task: Task, served: list[Batch]) -> EpochRecord:
    """What a trainer leaves behind that tests these batches."""
    loader: DataLoader[Batch] = DataLoader(served, batch_size=None)  # type: ignore[arg-type]
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(accelerator="cpu", **quiet)  # type: ignore[arg-type]
    trainer.test(task, loader, verbose=False)
    assert math.isfinite(task.epoch_loss("test"))
    return task.records["test"]
