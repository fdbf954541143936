"""Writes run folders of exactly the form that training leaves, by a model of chosen skill, in milliseconds each."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

CLASSES = ["Blues", "Hip-Hop", "Jazz|Fusion"]
GENRE = {"genre": {"kind": "categorical", "classes": CLASSES}}
VALENCE = {"valence": {"kind": "continuous", "low": 0.0, "high": 1.0}}
ALARM = {"name": "below linear", "message": "macro F1 is below the linear reference."}


def write_cell(
    folder: Path,
    *,
    model: str = "cnn",
    features: str = "mel",
    data: str = "folk",
    task: str = "genre",
    seed: int = 0,
    fold: int | None = None,
    skill: float = 0.7,
    ids: Sequence[int] = range(60),
    groups: Sequence[str] = (),
    linear: float = 0.4,
    targets: dict[str, Any] = GENRE,
    config: dict[str, Any] | None = None,
    command: str | None = None,
    **metrics: Any,
) -> Path:
    """The folder of a finished run.

    Args:
        folder: where it is written.
        model: name of the model; the others are told likewise.
        skill: share of the answers that are right, drawn from the seed.
        ids: numbers of the test clips; a clip's label follows from its number.
        groups: of the clips; none where empty.
        linear: skill of the linear reference, whatever the seed.
        config: settings that are added to ``config.yaml``.
        command: as the manifest recorded it.
        metrics: entries that replace those of ``metrics.json``.
    """
    header, rows, score = _answers(targets, ids, skill, seed, groups)
    scores = {"classification": {"clips": len(rows), "f1_macro": {"value": score}, "target": "genre"}}
    scales = {"regression": {"spearman": {"value": score}, "by_target": {"valence": {"spearman": {"value": score}}}}}
    test = (scores if "genre" in targets else {}) | (scales if "valence" in targets else {})
    content = {
        "status": "done", "task": task, "targets": targets, "model": model, "data": data, "features": features,
        "synthetic": False, "seed": seed, "fold": fold, "monitor": "val/f1_macro",
        "weights": {"kind": "last", "epoch": 1, "reason": "fixed"}, "clips": {"train": 100, "test": len(rows)},
        "parameters": 1000, "seconds": {"training": 2.0, "total": 3.0}, "score": score, "test": test,
        "references": {"linear": test, "majority": test}, "alarms": [], **metrics,
    }  # fmt: skip
    settings = {
        "seed": seed, "run_name": folder.name, "paths": {"outputs": str(folder)}, "task": {"name": task},
        "data": {"name": data, "fold": fold}, "features": {"name": features}, "model": {"name": model},
        **(config or {}),
    }  # fmt: skip
    write_state(folder, "done", settings)
    (folder / "metrics.json").write_text(json.dumps(content))
    (folder / "manifest.json").write_text(json.dumps({"command": command} if command else {}))
    (folder / "metrics.csv").write_text("epoch,train/f1_macro,val/f1_macro\n0,0.2,0.1\n1,0.4,0.3\n")
    tables = {"predictions.csv": rows}
    for name, known in (("linear", linear), ("majority", 0.0)):
        tables[f"references/{name}.csv"] = _answers(targets, ids, known, 0, groups)[1]
    (folder / "references").mkdir()
    for name, found in tables.items():
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([header, *found])
    return folder


def write_state(folder: Path, state: str, settings: dict[str, Any], **more: Any) -> Path:
    """A run folder that holds its settings and its state, as one that failed or was cut off does."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(json.dumps(settings))  # JSON is YAML
    (folder / "status.json").write_text(json.dumps({"state": state, "time": "2026-01-01T00:00:00+0000", **more}))
    return folder


def settings_of(model: str = "cnn", features: str = "mel", data: str = "folk", task: str = "genre") -> dict[str, Any]:
    """What ``config.yaml`` tells of a run that never had a score."""
    named = {"task": task, "data": data, "features": features, "model": model}
    return {"seed": 0, **{group: {"name": name} for group, name in named.items()}}


def labels_of(ids: Sequence[int]) -> list[str]:
    """True classes of clips."""
    return [CLASSES[number % 3] for number in ids]


def _answers(
    targets: dict[str, Any], ids: Sequence[int], skill: float, seed: int, groups: Sequence[str]
) -> tuple[list[str], list[list[Any]], float]:
    rng = np.random.default_rng([seed, 5])
    header = ["id", "split", "group"]
    columns: list[list[Any]] = [
        [f"clip{number:04d}" for number in ids],
        ["test"] * len(ids),
        list(groups) or [""] * len(ids),
    ]
    score = 0.0
    if "genre" in targets:
        true = np.array([number % 3 for number in ids])
        chosen = np.where(rng.random(len(ids)) < skill, true, rng.integers(0, 3, len(ids)))
        score = float(f1_score(true, chosen, average="macro"))
        header += ["genre", "predicted genre", *(f"p({name})" for name in CLASSES)]
        columns += [labels_of(ids), [CLASSES[k] for k in chosen]]
        columns += [[f"{0.8 if k == place else 0.1:.6f}" for k in chosen] for place in range(3)]
    if "valence" in targets:
        values = [(number * 37 % 101) / 101 for number in ids]
        found = skill * np.array(values) + (1 - skill) * rng.random(len(ids))
        header += ["valence", "predicted valence"]
        columns += [[f"{value:.4f}" for value in values], [f"{value:.6f}" for value in found]]
    return header, [list(row) for row in zip(*columns, strict=True)], score
