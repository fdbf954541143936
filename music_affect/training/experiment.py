"""One run, from its configuration to its report."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig
from rich.console import Console
from rich.text import Text

from music_affect.configuration import build, caching
from music_affect.configuration.compatibility import wanted
from music_affect.configuration.compose import transfer_suffix
from music_affect.contracts.spec import DataSpec
from music_affect.data.normalization import Normalizer
from music_affect.data.preparation import Prepared, divided
from music_affect.data.source import ClipSource
from music_affect.data.splits import straddling_groups
from music_affect.data.view import View
from music_affect.evaluation import judging, references
from music_affect.evaluation.alarms import Alarm
from music_affect.evaluation.run_report import write_report
from music_affect.runs import predictions
from music_affect.runs.checkpoint import KEY, Checkpoint, Description, describe, write_reference_checkpoint
from music_affect.runs.predictions import Predictions
from music_affect.runs.writer import LAST_CHECKPOINT, RunWriter, wait_for_rank_0
from music_affect.system import files, launch
from music_affect.system.console import print_alarms, synthetic_label
from music_affect.system.environment import environment
from music_affect.system.plain_text import on_one_line
from music_affect.training import average, resuming, transfer
from music_affect.training import loggers as trackers

if TYPE_CHECKING:
    from lightning.pytorch import Callback, Trainer
    from lightning.pytorch.loggers import Logger

    from music_affect.tasks.base import Task
    from music_affect.training.callbacks.history import History
    from music_affect.training.datamodule import MusicDataModule

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """A fitted model's answers, and what is reported of its training.

    Args:
        predictions: by part.
        weights: which weights were tested, and why.
        parameters: trainable numbers.
        seconds: that training took.
        train: figures of the tested epoch on the training windows, as logged.
        start: what was taken over from another run, or None.
        loss_weights: learned weights of the labels' losses, or None.
        members: facts of the runs that are averaged, by name, or None.
    """

    predictions: dict[str, Predictions]
    weights: dict[str, Any]
    parameters: int
    seconds: float
    train: dict[str, float] = field(default_factory=dict)
    start: dict[str, Any] | None = None
    loss_weights: dict[str, float] | None = None
    members: dict[str, Any] | None = None


def run(
    cfg: DictConfig, source: ClipSource, writer: RunWriter, console: Console, callbacks: Sequence[Callback] = ()
) -> dict[str, Any]:
    """Prepares the data, trains, tests and reports.

    Args:
        cfg: composed from ``conf/train.yaml``.
        source: the data set, already known to carry the task's labels.
        writer: the claimed run folder.
        console: for people to read.
        callbacks: of what the run is part of, such as a search.

    Returns:
        The content of ``metrics.json``.
    """
    began = time.perf_counter()
    _check(cfg)
    log.info(f"Run folder: {writer.path}")
    # Without epochs there is nothing for a CSV file, and no need of Lightning.
    unused = "net" not in cfg.model and list(cfg.get("logger") or {}) == ["csv"]
    loggers = [] if unused or cfg.trainer.get("fast_dev_run") else build.loggers(cfg)
    with trackers.opened(loggers, build.plain(cfg)) as loggers:
        start = transfer.read(cfg)
        if "net" in cfg.model:
            data = _data_module(cfg, source, start)
            prepared = data.prepared
        else:  # without importing Lightning
            prepared = average.usable_by_all(cfg, source, prepare(cfg, source))
        view = build.view(cfg, prepared.cache.identity.blocks)
        console.print(_opening(cfg, prepared))
        alarms = judging.data_alarms(prepared, start)
        print_alarms(console, [alarm.to_dict() for alarm in alarms])
        writer.write_json("manifest.json", _manifest(cfg, prepared))
        if "reference" in cfg.model:
            trained = _fit_reference(cfg, prepared, view, writer)
        elif "members" in cfg.model:
            trained = _fit_members(cfg, source, prepared, view, writer)
        else:
            fitted = _fit(cfg, data, start, writer, loggers, callbacks, console)
            if cfg.loader.overfit_batches or cfg.trainer.get("fast_dev_run"):
                return _debugged(cfg, data, fitted, writer)
            trained = _tested(cfg, data, start, fitted, writer)
        beside = references.answers(prepared, view)
        metrics = _metrics(cfg, prepared, beside, trained, alarms)
        metrics["seconds"]["total"] = round(time.perf_counter() - began, 1)
        predictions.write(writer.path / "predictions.csv", prepared.splits, trained.predictions, prepared.targets)
        predictions.write_references(writer.path, prepared.splits, beside, prepared.targets)
        writer.write_json("metrics.json", metrics)
        write_report(writer.path)
        trackers.report(loggers, writer.path, lambda clip: view(prepared.cache.clip(clip)), view.own_blocks)
    return metrics


def prepare(cfg: DictConfig, source: ClipSource) -> Prepared:
    """The divided clips of a run with their features, extracted where need be."""
    cache = caching.features(cfg, source, source.clips())
    return divided(source, cache, list(wanted(cfg.task)), build.split_plan(cfg))


def join(cfg: DictConfig, source: ClipSource, folder: Path, callbacks: Sequence[Callback] = ()) -> None:
    """Trains beside rank 0, which alone writes and whose weights count.

    Args:
        cfg: of the run.
        source: its data set.
        folder: of the run, which rank 0 has claimed, or is about to.
        callbacks: as rank 0 has them.
    """
    from music_affect.training import fit as fitting
    from music_affect.training.callbacks.history import History

    if "net" not in cfg.model:
        return
    logging.getLogger("music_affect").setLevel(logging.WARNING)  # rank 0 reports
    _check(cfg)
    if launch.started_for() is None and not wait_for_rank_0(folder, overwrite=cfg.overwrite):
        return
    start = transfer.read(cfg)
    data = _data_module(cfg, source, start)
    writer = RunWriter(folder)
    task, trainer, _ = _made(cfg, data, start, writer, History(folder / "metrics.csv"), [], callbacks)
    fitting.fit(task, data, trainer, folder, writer.resume_from)


def _data_module(cfg: DictConfig, source: ClipSource, start: Checkpoint | None) -> MusicDataModule:
    from music_affect.training import assembly

    return assembly.data_module(cfg, source, start)


def _check(cfg: DictConfig) -> None:
    if "reference" not in cfg.model:
        from music_affect.training.trainer import check_trainer

        check_trainer(cfg)


def _opening(cfg: DictConfig, prepared: Prepared) -> Text:
    counts = "  ".join(f"{name} {len(clips)}" for name, clips in prepared.splits.items())
    labels = "" if list(prepared.targets) == [cfg.task.name] else f" ({', '.join(prepared.targets)})"
    line = (
        f"{cfg.task.name}{labels}: {cfg.model.name} on {prepared.source.name}, {cfg.features.name} features  "
        f"(clips: {counts})"
    )
    return synthetic_label(prepared.source.synthetic).append(on_one_line(line))


@dataclass(frozen=True)
class Fitted:
    """A network that has been trained.

    Args:
        task: with its last weights.
        trainer: that has trained it.
        history: figures of every epoch.
        loaded: what came from a start, or None where there was none.
        seconds: that it took.
    """

    task: Task
    trainer: Trainer
    history: History
    loaded: transfer.Loaded | None
    seconds: float


def _fit(
    cfg: DictConfig,
    data: MusicDataModule,
    start: Checkpoint | None,
    writer: RunWriter,
    loggers: Sequence[Logger],
    callbacks: Sequence[Callback],
    console: Console,
) -> Fitted:
    from music_affect.training import fit as fitting
    from music_affect.training.callbacks.history import History

    began = time.perf_counter()
    history = History(writer.path / "metrics.csv")
    task, trainer, loaded = _made(cfg, data, start, writer, history, loggers, callbacks)
    resuming.check(writer, Description.from_dict(task.description[KEY]), data.prepared)
    if task.caution and start is None:
        console.print(Text.assemble(("CAUTION", "bold yellow"), f" {task.caution}"))
    writer.set_status("running", job=launch.job())  # the other processes of this start may join
    fitting.fit(task, data, trainer, writer.path, writer.resume_from)
    return Fitted(task, trainer, history, loaded, time.perf_counter() - began)


def _made(
    cfg: DictConfig,
    data: MusicDataModule,
    start: Checkpoint | None,
    writer: RunWriter,
    history: History,
    loggers: Sequence[Logger],
    more: Sequence[Callback],
) -> tuple[Task, Trainer, transfer.Loaded | None]:
    """The task with its first weights and the trainer, alike in every process; what came from a start."""
    from lightning.pytorch.loggers.logger import DummyLogger

    from music_affect.training import assembly
    from music_affect.training import fit as fitting
    from music_affect.training.trainer import make_trainer

    fitting.begin(cfg.seed)
    if cfg.loader.overfit_batches:
        data.clips.splits["val"] = []
    task = assembly.task(cfg, data, start)
    loaded = None if start is None else _load(cfg, task, data.spec, start)
    if "start" in cfg.model and start is None and writer.resume_from is None:
        log.info(build.make(cfg.model.start).load(task.backbone))
    rank = launch.rank()
    validated = bool(data.clips.splits.get("val"))
    callbacks = assembly.callbacks(cfg, writer, history, rank, validated=validated, more=more)
    if rank > 0:  # rank 0 logs; callbacks that need a logger find one everywhere
        loggers = [DummyLogger() for _ in cfg.get("logger") or {}]
    may_freeze = transfer.frozen_epochs(cfg.freeze) != 0
    return task, make_trainer(cfg.trainer, callbacks, loggers, writer.path, may_freeze=may_freeze), loaded


def _load(cfg: DictConfig, task: Task, spec: DataSpec, start: Checkpoint) -> transfer.Loaded:
    """Loads a start and logs what was loaded."""
    loaded = transfer.load(task, spec, start)
    log.info(
        f"Start: {loaded.tensors} tensors from {start.path} ({start.description.config['task']['name']}, epoch "
        f"{start.epoch}). Loaded: {', '.join(loaded.loaded)}. New: {', '.join(loaded.new) or 'nothing'}. "
        f"Not used: {', '.join(loaded.unused) or 'nothing'}. Freeze: {cfg.freeze}."
    )
    return loaded


def _debugged(cfg: DictConfig, data: MusicDataModule, fitted: Fitted, writer: RunWriter) -> dict[str, Any]:
    """Ends a run that was made to see whether everything works."""
    from music_affect.training import fit as fitting
    from music_affect.training.callbacks.termination import Termination
    from music_affect.training.trainer import trainer_for_answers

    metrics: dict[str, Any] = {"status": "done", "synthetic": data.source.synthetic}
    if cfg.trainer.get("fast_dev_run"):
        fitted.trainer.test(fitted.task, data.test_dataloader(), verbose=False)
        log.info("fast_dev_run: training, validation and test have each run a batch; nothing was kept.")
        return metrics | {"debug": "fast_dev_run"}
    tester = trainer_for_answers(cfg.trainer, [Termination()])
    losses = fitting.check_overfit(fitted.task, tester, data.clips.windows("train"), fitted.history.rows)
    fall = f"loss {losses['first_loss']:.3f} to {losses['last_loss']:.4f}"
    log.info(f"Learnt {len(data.clips.splits['train'])} clips by heart: {fall}.")
    writer.write_json("metrics.json", metrics | {"debug": "overfit", **losses})
    return metrics | {"debug": "overfit", **losses}


def _tested(
    cfg: DictConfig, data: MusicDataModule, start: Checkpoint | None, fitted: Fitted, writer: RunWriter
) -> Trained:
    """Gives the network the weights that count, and asks it for the clips of each part that is measured."""
    from music_affect.training import fit as fitting
    from music_affect.training.callbacks.termination import Termination
    from music_affect.training.trainer import trainer_for_answers

    validated = bool(data.clips.splits.get("val"))
    weights = fitting.load_tested(fitted.task, fitted.trainer, cfg.task.monitor, writer.path, validated=validated)
    tested = next((row for row in fitted.history.rows if int(row["epoch"]) == weights["epoch"]), {})
    tester = trainer_for_answers(cfg.trainer, [Termination()])
    return Trained(
        predictions={
            name: fitting.predict(fitted.task, tester, data.clips.windows(name)) for name in data.prepared.parts
        },
        weights=weights,
        parameters=fitting.count_parameters(fitted.task),
        seconds=round(fitted.seconds, 1),
        train={name.removeprefix("train/"): value for name, value in tested.items() if name.startswith("train/")},
        start=None if start is None else _start(cfg, start, fitted.loaded, writer),
        loss_weights=fitting.loss_weights(fitted.task),
    )


def _start(cfg: DictConfig, start: Checkpoint, loaded: transfer.Loaded | None, writer: RunWriter) -> dict[str, Any]:
    # In a sweep, folders end in a digest of their settings, and that of the run from scratch is another one.
    name = re.sub("-[0-9a-f]{8}$", "", writer.path.name.replace(transfer_suffix(cfg.start_from, cfg.freeze), ""))
    facts = {"checkpoint": str(start.path), "task": start.description.config["task"]["name"], "freeze": cfg.freeze}
    return {
        **facts,
        "backbone_rate": cfg.backbone_rate,
        **(loaded or transfer.Loaded()).to_dict(),
        "scratch_run": name,
    }


def _fit_reference(cfg: DictConfig, prepared: Prepared, view: View, writer: RunWriter) -> Trained:
    began = time.perf_counter()
    fitted = references.fit(lambda: build.references(cfg), prepared, view)
    seconds = time.perf_counter() - began
    found = {
        name: references.predict(fitted, references.rows(prepared, view, prepared.splits[name]))
        for name in prepared.parts
    }
    spec = DataSpec(view.num_features, 0, prepared.targets, view.own_blocks)
    description = describe(build.plain(cfg), prepared, spec, Normalizer.identity(view.num_features))
    write_reference_checkpoint(writer.path / LAST_CHECKPOINT, description, references.to_dict(fitted))
    writer.has_begun()
    files.write_csv(writer.path / "metrics.csv", ["epoch"], [])
    reason = "fitted at once on all training clips, without epochs"
    weights = {"kind": "last", "epoch": 0, "reason": reason, "file": str(LAST_CHECKPOINT)}
    return Trained(found, weights, parameters=0, seconds=round(seconds, 1))


def _fit_members(cfg: DictConfig, source: ClipSource, prepared: Prepared, view: View, writer: RunWriter) -> Trained:
    began = time.perf_counter()
    silent = Console(quiet=True)  # what there is to say of the data has been said
    found, facts, parameters = average.fit(
        cfg, source, prepared, view, writer, lambda member, own: run(member, source, own, silent)
    )
    reason = f"the mean of the answers of {', '.join(facts)}"
    weights = {"kind": "last", "epoch": 0, "reason": reason, "file": str(LAST_CHECKPOINT)}
    return Trained(found, weights, parameters, round(time.perf_counter() - began, 1), members=facts)


def _metrics(
    cfg: DictConfig,
    prepared: Prepared,
    beside: Mapping[str, predictions.Predictions],
    trained: Trained,
    data_alarms: Sequence[Alarm],
) -> dict[str, Any]:
    judged = judging.judge(prepared, trained.predictions, beside, trained.train)
    alarms = [*judged["alarms"], *data_alarms]
    return {
        "status": "done",
        "task": cfg.task.name,
        "targets": {name: kind.to_dict() for name, kind in prepared.targets.items()},
        "model": cfg.model.name,
        "data": prepared.source.name,
        "features": cfg.features.name,
        "synthetic": prepared.source.synthetic,
        "seed": cfg.seed,
        "fold": cfg.data.fold,
        "monitor": cfg.task.monitor,
        "weights": trained.weights,
        "clips": prepared.clip_counts,
        "parameters": trained.parameters,
        "seconds": {"training": trained.seconds},
        "start": trained.start,
        "weighting": trained.loss_weights,
        "members": trained.members,
        **judged,
        "alarms": [alarm.to_dict() for alarm in alarms],
    }


def _manifest(cfg: DictConfig, prepared: Prepared) -> dict[str, Any]:
    identity = prepared.cache.identity
    return {
        **environment(),
        "data": {
            "name": prepared.source.name,
            "root": str(prepared.source.root),
            "fingerprint": identity.fingerprint,
            "labels_hash": prepared.labels_hash,
            "features": dict(identity.settings),
            "remarks": prepared.cache.remark_counts | prepared.copies.remarks(),  # clips without beats, for one
        },
        "split_hash": prepared.split_hash,
        "straddling_groups": straddling_groups(prepared.splits),
    }
