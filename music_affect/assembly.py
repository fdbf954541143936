"""The objects of a run from its configuration: data module, task, callbacks, and what its checkpoints say of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from lightning.pytorch.callbacks import Callback
from omegaconf import DictConfig

from music_affect import build, caching, transfer
from music_affect.callbacks.begun import Begun
from music_affect.callbacks.checkpoints import RunCheckpoint
from music_affect.callbacks.freezing import FreezeBackbone
from music_affect.callbacks.history import History
from music_affect.callbacks.pruning import Pruning
from music_affect.callbacks.seeding import SeedEveryEpoch
from music_affect.callbacks.termination import Termination
from music_affect.checkpoint import KEY, Checkpoint, describe
from music_affect.compatibility import wanted
from music_affect.data.source import ClipSource
from music_affect.datamodule import MusicDataModule
from music_affect.run_writer import LAST_CHECKPOINT, RunWriter
from music_affect.search.trial import TrialReport, make_pruner
from music_affect.tasks.base import Task


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


def callbacks(cfg: DictConfig, writer: RunWriter, history: History, rank: int, *, validated: bool) -> list[Callback]:
    """What a run's trainer calls: what every run needs, around what ``cfg.callbacks`` names.

    Args:
        cfg: of the run.
        writer: of its folder.
        history: writes the figures of every epoch.
        rank: of this process; each draws its own dropout.
        validated: there is a validation part.
    """
    seed = cfg.seed if rank == 0 else int(np.random.SeedSequence((cfg.seed, rank)).generate_state(1)[0])
    frozen = transfer.frozen_epochs(cfg.freeze)
    last = RunCheckpoint(
        cast(str, writer.path / LAST_CHECKPOINT.parent),
        filename=LAST_CHECKPOINT.stem,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    return [
        SeedEveryEpoch(seed),
        Termination(),
        history,
        *([FreezeBackbone(frozen)] if frozen != 0 else []),
        *build.callbacks(cfg, validated=validated),
        *_pruning(cfg),
        last,  # at the end: it keeps what the others know, and a resumed run starts from it
        Begun(writer.has_begun),
    ]


def _pruning(cfg: DictConfig) -> list[Callback]:
    """What a run needs as a trial of a search; nothing where it is none."""
    given: Any = cfg.get("search")
    if given is None or given.trial is None:
        return []
    pruner = make_pruner(
        given.pruner,
        grace_epochs=given.grace_epochs,
        startup_trials=given.startup_trials,
        epochs=cfg.trainer.max_epochs,
    )
    return [Pruning(cfg.task.monitor, TrialReport(Path(given.study), given.trial, pruner))]
