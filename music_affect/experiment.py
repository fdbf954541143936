"""One run, from its configuration to its report."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig
from rich.console import Console

from music_affect import build, files, judging, predictions, references, tracking, transfer
from music_affect.checkpoint import Checkpoint, Description, write_reference_checkpoint
from music_affect.configuration import transfer_suffix
from music_affect.data.normalization import Normalizer
from music_affect.data.source import ClipSource
from music_affect.data.splits import straddling_groups
from music_affect.data.view import View
from music_affect.environment import environment
from music_affect.evaluation.run_report import write_report
from music_affect.measurement import Predictions
from music_affect.preparation import Prepared, prepare
from music_affect.run_writer import LAST_CHECKPOINT, RunWriter
from music_affect.spec import DataSpec
from music_affect.trackers.tracker import Tracker

if TYPE_CHECKING:
    from music_affect.data.datamodule import ClipDataModule


@dataclass(frozen=True)
class Trained:
    """A fitted model's answers, and what is to be told of its training.

    Args:
        predictions: by part.
        weights: which weights were tested, and why.
        parameters: trainable numbers.
        seconds: that training took.
        train: figures of the tested epoch on the training windows, as logged.
        start: what was taken over from another run, or None.
        loss_weights: learned weights of the labels' losses, or None.
    """

    predictions: dict[str, Predictions]
    weights: dict[str, Any]
    parameters: int
    seconds: float
    train: dict[str, float] = field(default_factory=dict)
    start: dict[str, Any] | None = None
    loss_weights: dict[str, float] | None = None


def run(cfg: DictConfig, source: ClipSource, writer: RunWriter, console: Console) -> dict[str, Any]:
    """Prepares the data, trains, tests and reports.

    Args:
        cfg: composed from ``conf/train.yaml``.
        source: the data set, already known to carry the task's labels.
        writer: the claimed run folder.
        console: for people to read.

    Returns:
        The content of ``metrics.json``.
    """
    with tracking.opened(cfg, writer.path, source.synthetic, console) as tracker:
        return _run(cfg, source, writer, console, tracker)


def _run(
    cfg: DictConfig, source: ClipSource, writer: RunWriter, console: Console, tracker: Tracker | None
) -> dict[str, Any]:
    began = time.perf_counter()
    if "net" in cfg.model:
        from music_affect.trainer import check_trainer

        check_trainer(cfg)
    start = transfer.read(cfg)
    prepared = prepare(cfg, source, lambda line: console.print(line, highlight=False))
    view = build.view(cfg, prepared.cache.identity.blocks)
    console.print(_opening(cfg, prepared), highlight=False)
    writer.write_json("manifest.json", _manifest(cfg, prepared))
    if cfg.loader.overfit_batches:
        return _overfit(cfg, prepared, writer, console, tracker)
    if "reference" in cfg.model:
        trained = _fit_reference(cfg, prepared, view, writer)
    else:
        trained = _train(cfg, prepared, start, writer, console, tracker)
    metrics = _metrics(cfg, prepared, view, trained, start)
    metrics["seconds"]["total"] = round(time.perf_counter() - began, 1)
    predictions.write(writer.path / "predictions.csv", prepared.splits, trained.predictions, prepared.targets)
    writer.write_json("metrics.json", metrics)
    write_report(writer.path)
    if tracker is not None:
        tracking.report(tracker, writer.path, prepared, view)
    return metrics


def _opening(cfg: DictConfig, prepared: Prepared) -> str:
    counts = "  ".join(f"{name} {len(clips)}" for name, clips in prepared.splits.items())
    label = "[bold yellow]SYNTHETIC music[/]  " if prepared.source.synthetic else ""
    labels = "" if list(prepared.targets) == [cfg.task.name] else f" ({', '.join(prepared.targets)})"
    return (
        f"{label}{cfg.task.name}{labels}: {cfg.model.name} on {prepared.source.name}, {cfg.features.name} features  "
        f"(clips: {counts})"
    )


def _overfit(
    cfg: DictConfig, prepared: Prepared, writer: RunWriter, console: Console, tracker: Tracker | None
) -> dict[str, Any]:
    from music_affect import fitting

    data = build.datamodule(cfg, prepared.cache, prepared.splits, prepared.targets)
    data.splits["val"] = []
    description = describe(cfg, prepared, data.spec, data.normalizer)
    fitted = fitting.fit(cfg, data, description, None, writer, console, tracker)
    losses = fitting.check_overfit(fitted, data, cfg)
    fall = f"loss {losses['first_loss']:.3f} to {losses['last_loss']:.4f}"
    console.print(f"Learnt {len(data.splits['train'])} clips by heart: {fall}.", highlight=False)
    metrics = {"status": "done", "debug": "overfit", "synthetic": prepared.source.synthetic, **losses}
    writer.write_json("metrics.json", metrics)
    return metrics


def _train(
    cfg: DictConfig,
    prepared: Prepared,
    start: Checkpoint | None,
    writer: RunWriter,
    console: Console,
    tracker: Tracker | None,
) -> Trained:
    from music_affect import fitting

    normalizer = None if start is None else start.description.normalizer
    data: ClipDataModule = build.datamodule(cfg, prepared.cache, prepared.splits, prepared.targets, normalizer)
    began = time.perf_counter()
    description = describe(cfg, prepared, data.spec, data.normalizer, start)
    fitted = fitting.fit(cfg, data, description, start, writer, console, tracker)
    seconds = time.perf_counter() - began
    tested = next(row for row in fitted.history if int(row["epoch"]) == fitted.weights["epoch"])
    return Trained(
        predictions={name: fitting.predict(cfg, fitted.task, data.windows(name)) for name in prepared.parts},
        weights=fitted.weights,
        parameters=fitting.count_parameters(fitted.task),
        seconds=round(seconds, 1),
        train={name.removeprefix("train/"): value for name, value in tested.items() if name.startswith("train/")},
        start=None if start is None else _start(cfg, start, fitted.account, writer),
        loss_weights=fitted.loss_weights,
    )


def _start(cfg: DictConfig, start: Checkpoint, account: transfer.Account | None, writer: RunWriter) -> dict[str, Any]:
    # In a sweep, folders end in a digest of their settings, and that of the run from scratch is another one.
    name = re.sub("-[0-9a-f]{8}$", "", writer.path.name.replace(transfer_suffix(cfg.start_from, cfg.freeze), ""))
    facts = {"checkpoint": str(start.path), "task": start.description.config["task"]["name"], "freeze": cfg.freeze}
    return {
        **facts,
        "backbone_rate": cfg.backbone_rate,
        **(account or transfer.Account()).to_dict(),
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
    description = describe(cfg, prepared, spec, Normalizer.identity(view.num_features))
    write_reference_checkpoint(writer.path / LAST_CHECKPOINT, description, references.to_dict(fitted))
    files.write_csv(writer.path / "metrics.csv", ["epoch"], [])
    reason = "fitted at once on all training clips, without epochs"
    weights = {"kind": "last", "epoch": 0, "reason": reason, "file": str(LAST_CHECKPOINT)}
    return Trained(found, weights, parameters=0, seconds=round(seconds, 1))


def describe(
    cfg: DictConfig, prepared: Prepared, spec: DataSpec, normalizer: Normalizer, start: Checkpoint | None = None
) -> Description:
    """What goes into the run's checkpoints beside the weights."""
    identity = prepared.cache.identity
    trained_on = transfer.heard_clips(prepared.splits["train"], prepared.source.identity, start)
    return Description(
        build.plain(cfg), spec, normalizer, identity.settings, identity.fingerprint, prepared.split_hash, trained_on
    )


def _metrics(
    cfg: DictConfig, prepared: Prepared, view: View, trained: Trained, start: Checkpoint | None
) -> dict[str, Any]:
    judged = judging.judge(prepared, view, trained.predictions, trained.train)
    alarms = [*judged["alarms"], *judging.data_alarms(prepared, start)]
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
            "features": dict(identity.settings),
            "remarks": prepared.cache.remark_counts,  # clips without beats, for one
        },
        "split_hash": prepared.split_hash,
        "straddling_groups": straddling_groups(prepared.splits),
    }
