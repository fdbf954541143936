"""The objects of a run from its configuration: data module, task, callbacks, and what its checkpoints say of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import numpy as np
from lightning.pytorch.callbacks import Callback
from omegaconf import DictConfig

from music_affect.configuration import build, caching
from music_affect.configuration.compatibility import wanted
from music_affect.data.source import ClipSource
from music_affect.runs.checkpoint import KEY, Checkpoint, describe
from music_affect.runs.writer import LAST_CHECKPOINT, RunWriter
from music_affect.tasks.base import Task
from music_affect.training import transfer
from music_affect.training.callbacks.begun import Begun
from music_affect.training.callbacks.checkpoints import RunCheckpoint
from music_affect.training.callbacks.freezing import Freeze
from music_affect.training.callbacks.history import History
from music_affect.training.callbacks.seeding import SeedEveryEpoch
from music_affect.training.callbacks.termination import Termination
from music_affect.training.datamodule import MusicDataModule


def data_module(cfg: DictConfig, source: ClipSource, start: Checkpoint | None = None) -> MusicDataModule:
    """The LightningDataModule of a run; nothing is extracted yet.

    Args:
        cfg: of the run.
        source: its data set.
        start: the run that it starts from, whose normaliser it keeps.
    """
    return MusicDataModule(
        source,
        partial(caching.features, cfg, source),
        list(wanted(cfg.task)),
        build.split_plan(cfg),
        partial(build.datamodule, cfg),
        None if start is None else start.description.normalizer,
        build.plain(cfg),
    )


def task(cfg: DictConfig, data: MusicDataModule, start: Checkpoint | None = None) -> Task:
    """The LightningModule of a run with its first weights, which draws them from the generators as they stand.

    Its checkpoints say what they were made from.
    """
    made = build.task(cfg, data.spec, data.clips.splits["train"])
    description = describe(build.plain(cfg), data.prepared, data.spec, data.clips.normalizer, start)
    made.description = {KEY: description.to_dict()}
    return made


def callbacks(
    cfg: DictConfig,
    writer: RunWriter,
    history: History,
    rank: int,
    *,
    validated: bool,
    more: Sequence[Callback] = (),
) -> list[Callback]:
    """What a run's trainer calls: what every run needs, around what ``cfg.callbacks`` names.

    Args:
        cfg: of the run.
        writer: of its folder.
        history: writes the figures of every epoch.
        rank: of this process; each draws its own dropout.
        validated: there is a validation part.
        more: of what the run is part of, such as a search.
    """
    seed = cfg.seed if rank == 0 else int(np.random.SeedSequence((cfg.seed, rank)).generate_state(1)[0])
    frozen = transfer.frozen_epochs(cfg.freeze)
    part = f"backbone.{transfer.FRONT_END}" if cfg.freeze == transfer.FRONT_END else "backbone"
    last = RunCheckpoint(
        cast(str, writer.path / LAST_CHECKPOINT.parent),
        filename=LAST_CHECKPOINT.stem,
        save_on_train_epoch_end=True,
    )
    return [
        SeedEveryEpoch(seed),
        Termination(),
        history,
        *([Freeze(part, frozen)] if frozen != 0 else []),
        *build.callbacks(cfg, validated=validated),
        *more,
        last,  # at the end: it keeps what the others know, and a resumed run starts from it
        Begun(writer.has_begun),
    ]
