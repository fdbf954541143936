from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from music_affect.evaluation.scores import classification_scores

CLASSES = ["Blues", "Hip-Hop", "Jazz|Fusion"]


def make_run(folder: Path, **changes: Any) -> Path:
    """A finished run of 60 test clips, half of them right, as training leaves it."""
    rng = np.random.default_rng(3)
    labels = np.arange(60) % 3
    probabilities = rng.dirichlet([1, 1, 1], 60) * 0.5 + 0.5 * np.eye(3)[np.where(rng.random(60) < 0.5, labels, 0)]
    scores = classification_scores(probabilities, labels, CLASSES, resamples=50)
    majority = classification_scores(np.tile([0.4, 0.3, 0.3], (60, 1)), labels, CLASSES, resamples=50)
    metrics: dict[str, Any] = {
        "status": "done", "task": "genre", "target": "genre", "classes": CLASSES, "model": "ast",
        "data": "synthetic_beat", "features": "fused", "synthetic": True, "seed": 7, "fold": None,
        "monitor": "val/f1_macro", "weights": {"kind": "best", "epoch": 1, "reason": "highest val/f1_macro"},
        "clips": {"train": 360, "val": 90, "test": 60, "skipped": {"truncated": 1, "too short": 4}},
        "parameters": 123456, "seconds": {"total": 12.5, "training": 10.25}, "test": scores, "val": scores,
        "references": {"majority": majority, "linear": scores},
        "alarms": [{"name": "below linear", "message": "macro F1 0.5 is below."}],
    }  # fmt: skip
    manifest = {
        "command": "python -m music_affect.train model=ast", "git": "0123abc", "packages": {"torch": "2.13.0"},
        "hardware": {"cpu": "two cores", "gpu": None}, "data": {"name": "synthetic_beat", "fingerprint": "f00d"},
        "split_hash": "beef",
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps({**metrics, **changes}))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "config.yaml").write_text("model: ast\n")
    (folder / "metrics.csv").write_text(
        "epoch,train/loss,train/f1_macro,val/loss,val/f1_macro,lr\n"
        "0,1.2,0.3,1.3,0.25,0.001\n1,0.9,0.5,1.1,0.4,0.0005\n2,0.8,0.6,,,0.0\n"
    )
    with (folder / "predictions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "split", "genre", "predicted", *(f"p({name})" for name in CLASSES)])
        for i, (row, label) in enumerate(zip(probabilities, labels, strict=True)):
            writer.writerow([f"clip{i:02d}", "test", CLASSES[label], CLASSES[row.argmax()], *row])
        writer.writerow(["val-clip", "val", CLASSES[0], CLASSES[1], 0.0, 1.0, 0.0])
    return folder


@pytest.fixture
def finished_run(tmp_path: Path) -> Callable[..., Path]:
    """Makes a run folder; keyword arguments replace entries of metrics.json."""
    return lambda **changes: make_run(tmp_path / "runs" / "synthetic_beat-fused-ast-s7", **changes)
