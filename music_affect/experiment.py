"""One run, from its configuration to its report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console

from music_affect import build, files, references
from music_affect.checkpoint import Description, write_reference_checkpoint
from music_affect.data.clip_store import View
from music_affect.data.normalization import Normalizer
from music_affect.data.source import ClipSource
from music_affect.data.splits import class_counts, straddling_groups
from music_affect.environment import environment
from music_affect.evaluation.alarms import score_alarms, split_alarms
from music_affect.evaluation.run_report import write_report
from music_affect.evaluation.scores import classification_scores
from music_affect.preparation import Prepared, prepare
from music_affect.run_writer import LAST_CHECKPOINT, RunWriter
from music_affect.spec import Categorical, DataSpec

Probabilities = NDArray[np.float64]


def run(cfg: DictConfig, source: ClipSource, writer: RunWriter, console: Console) -> dict[str, Any]:
    """Prepares the data, trains, tests and reports.

    Args:
        cfg: composed from ``conf/train.yaml``.
        source: the data set, already known to carry the task's label.
        writer: the claimed run folder.
        console: for people to read.

    Returns:
        The content of ``metrics.json``.
    """
    began = time.perf_counter()
    prepared = prepare(cfg, source, lambda line: console.print(line, highlight=False))
    view = build.view(cfg, prepared.cache.identity.blocks)
    console.print(_opening(cfg, prepared), highlight=False)
    writer.write_json("manifest.json", _manifest(cfg, prepared))
    if cfg.loader.overfit_batches:
        return _overfit(cfg, prepared, writer, console)
    trained = _train(cfg, prepared, view, writer, console)
    metrics = _metrics(cfg, prepared, view, trained)
    metrics["seconds"]["total"] = round(time.perf_counter() - began, 1)
    _write_predictions(prepared, trained["probabilities"], writer)
    writer.write_json("metrics.json", metrics)
    write_report(writer.path)
    return metrics


def _opening(cfg: DictConfig, prepared: Prepared) -> str:
    counts = "  ".join(f"{name} {len(clips)}" for name, clips in prepared.splits.items())
    label = "[bold yellow]SYNTHETIC music[/]  " if prepared.source.synthetic else ""
    return (
        f"{label}{cfg.task.name}: {cfg.model.name} on {cfg.data.name}, {cfg.features.name} features  (clips: {counts})"
    )


def _overfit(cfg: DictConfig, prepared: Prepared, writer: RunWriter, console: Console) -> dict[str, Any]:
    from music_affect import fitting

    data = build.datamodule(cfg, prepared.cache, prepared.splits, {prepared.target: prepared.kind})
    data.splits["val"] = []
    fitted = fitting.fit(cfg, data, describe(cfg, prepared, data.spec, data.normalizer), [], writer, console)
    losses = fitting.check_overfit(cfg, fitted, data)
    fall = f"loss {losses['first_loss']:.3f} to {losses['last_loss']:.4f}"
    console.print(f"Learnt {len(data.splits['train'])} clips by heart: {fall}.", highlight=False)
    metrics = {"status": "done", "debug": "overfit", "synthetic": prepared.source.synthetic, **losses}
    writer.write_json("metrics.json", metrics)
    return metrics


def _train(cfg: DictConfig, prepared: Prepared, view: View, writer: RunWriter, console: Console) -> dict[str, Any]:
    """Trains the model; class probabilities of the val and test clips, and what is to be told of the training."""
    if "reference" in cfg.model:
        return _fit_reference(cfg, prepared, view, writer)
    from music_affect import fitting

    assert isinstance(prepared.kind, Categorical)
    data = build.datamodule(cfg, prepared.cache, prepared.splits, {prepared.target: prepared.kind})
    found = class_counts(prepared.splits["train"], prepared.target)
    counts = [found[name] for name in prepared.kind.classes]
    began = time.perf_counter()
    fitted = fitting.fit(cfg, data, describe(cfg, prepared, data.spec, data.normalizer), counts, writer, console)
    seconds = time.perf_counter() - began
    parts = [name for name in ("val", "test") if prepared.splits[name]]
    probabilities = {name: fitting.probabilities(cfg, fitted.task, data.windows(name)) for name in parts}
    tested = next(row for row in fitted.history if int(row["epoch"]) == fitted.weights["epoch"])
    return {
        "probabilities": probabilities,
        "weights": fitted.weights,
        "parameters": fitting.count_parameters(fitted.task),
        "seconds": round(seconds, 1),
        "train_f1": tested["train/f1_macro"],
    }


def _fit_reference(cfg: DictConfig, prepared: Prepared, view: View, writer: RunWriter) -> dict[str, Any]:
    began = time.perf_counter()
    reference = references.fit(build.reference(cfg), prepared, view)
    seconds = time.perf_counter() - began
    parts = [name for name in ("val", "test") if prepared.splits[name]]
    probabilities = {name: reference.predict(references.rows(prepared, view, prepared.splits[name])) for name in parts}
    spec = DataSpec(view.num_features, 0, {prepared.target: prepared.kind}, view.own_blocks)
    description = describe(cfg, prepared, spec, Normalizer.identity(view.num_features))
    write_reference_checkpoint(writer.path / LAST_CHECKPOINT, description, reference.to_dict())
    files.write_csv(writer.path / "metrics.csv", ["epoch"], [])
    reason = "fitted at once on all training clips, without epochs"
    weights = {"kind": "last", "epoch": 0, "reason": reason, "file": str(LAST_CHECKPOINT)}
    return {
        "probabilities": probabilities,
        "weights": weights,
        "parameters": 0,
        "seconds": round(seconds, 1),
        "train_f1": None,
    }


def describe(cfg: DictConfig, prepared: Prepared, spec: DataSpec, normalizer: Normalizer) -> Description:
    """What goes into the run's checkpoints beside the weights."""
    identity = prepared.cache.identity
    return Description(build.plain(cfg), spec, normalizer, identity.settings, identity.fingerprint, prepared.split_hash)


def _metrics(cfg: DictConfig, prepared: Prepared, view: View, trained: dict[str, Any]) -> dict[str, Any]:
    assert isinstance(prepared.kind, Categorical)
    classes = prepared.kind.classes
    scored = {
        name: classification_scores(found, references.labels(prepared, prepared.splits[name]), classes)
        for name, found in trained["probabilities"].items()
    }
    beside = references.scores(prepared, view)
    val_f1 = scored["val"]["f1_macro"]["value"] if "val" in scored else None
    alarms = score_alarms(
        scored["test"],
        majority=beside["majority"],
        linear=beside["linear"],
        train_f1=trained["train_f1"],
        val_f1=val_f1,
    )
    return {
        "status": "done",
        "task": cfg.task.name,
        "target": prepared.target,
        "classes": list(classes),
        "model": cfg.model.name,
        "data": cfg.data.name,
        "features": cfg.features.name,
        "synthetic": prepared.source.synthetic,
        "seed": cfg.seed,
        "fold": cfg.data.fold,
        "monitor": cfg.task.monitor,
        "weights": trained["weights"],
        "clips": prepared.clip_counts,
        "parameters": trained["parameters"],
        "seconds": {"training": trained["seconds"]},
        "test": scored["test"],
        "val": scored.get("val"),
        "references": beside,
        "alarms": [alarm.to_dict() for alarm in [*alarms, *_split_alarms(prepared)]],
    }


def _split_alarms(prepared: Prepared) -> Sequence[Any]:
    assert isinstance(prepared.kind, Categorical)
    counts = {}
    for name, clips in prepared.splits.items():
        if clips:
            found = class_counts(clips, prepared.target)
            counts[name] = {label: found[label] for label in prepared.kind.classes}
    groups = {name: {clip.group for clip in clips if clip.group} for name, clips in prepared.splits.items()}
    return split_alarms(counts=counts, groups=groups)


def _write_predictions(prepared: Prepared, probabilities: dict[str, Probabilities], writer: RunWriter) -> None:
    assert isinstance(prepared.kind, Categorical)
    classes = prepared.kind.classes
    header = ["id", "split", prepared.target, "predicted", *(f"p({name})" for name in classes)]
    rows = [
        [clip.id, name, clip.labels[prepared.target], classes[int(row.argmax())], *(f"{value:.6f}" for value in row)]
        for name, found in probabilities.items()
        for clip, row in zip(prepared.splits[name], found, strict=True)
    ]
    files.write_csv(writer.path / "predictions.csv", header, rows)


def _manifest(cfg: DictConfig, prepared: Prepared) -> dict[str, Any]:
    identity = prepared.cache.identity
    return {
        **environment(),
        "data": {
            "name": prepared.source.name,
            "root": str(prepared.source.root),
            "fingerprint": identity.fingerprint,
            "features": dict(identity.settings),
        },
        "split_hash": prepared.split_hash,
        "straddling_groups": straddling_groups(prepared.splits),
    }
