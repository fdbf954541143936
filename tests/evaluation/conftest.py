from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from music_affect.evaluation.scores import classification_scores

CLASSES = ["Blues", "Hip-Hop", "Jazz|Fusion"]
CLIPS = 60
OVER = {"over": "groups", "count": 30, "seeds": 0}
GENRE = {"genre": {"kind": "categorical", "classes": CLASSES}}
SCALES: dict[str, dict[str, Any]] = {
    "valence": {"kind": "continuous", "low": 0.0, "high": 1.0},
    "energy": {"kind": "continuous", "low": 0.0, "high": None},
    "tension": {"kind": "continuous", "low": None, "high": None},
}


def around(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def scale_scores(true: Mapping[str, np.ndarray], answers: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Scores in the form that training writes, made here so that a report is tested without what computes them."""
    by_target: dict[str, Any] = {}
    for name, labels in true.items():
        there = ~np.isnan(labels)
        x, y = answers[name][there], labels[there]
        constant = np.ptp(x) == 0
        by_target[name] = {
            "clips": int(there.sum()), "spearman": around(0.0 if constant else float(stats.spearmanr(x, y)[0])),
            "pearson": 0.0 if constant else float(stats.pearsonr(x, y)[0]), "r2": 0.25, "ccc": 0.125,
            "slope": 0.5, "spread": 0.75, "conformal": {"half_width": 0.3, "coverage": 0.875, "from": "val"},
            "mae": float(np.abs(x - y).mean()), "rmse": float(np.sqrt(((x - y) ** 2).mean())),
        }  # fmt: skip
    mean = float(np.mean([figures["spearman"]["value"] for figures in by_target.values()]))
    return {"clips": CLIPS, "intervals": OVER, "spearman": around(mean), "by_target": by_target}


class Sample:
    """Labels and answers for 60 test clips: half of the classes right, values near the truth, some without a label."""

    def __init__(self, targets: Mapping[str, Mapping[str, Any]]) -> None:
        rng = np.random.default_rng(3)
        self.targets = targets
        self.labels = np.arange(CLIPS) % 3
        pulled = np.eye(3)[np.where(rng.random(CLIPS) < 0.5, self.labels, 0)]
        self.probabilities = rng.dirichlet([1, 1, 1], CLIPS) * 0.5 + 0.5 * pulled
        scales = [name for name, kind in targets.items() if kind["kind"] == "continuous"]
        self.true = {name: rng.random(CLIPS) for name in scales}
        self.answers = {name: 0.6 * true + 0.4 * rng.random(CLIPS) for name, true in self.true.items()}
        for place, true in enumerate(self.true.values()):
            true[:place] = np.nan

    def scores(self, *, constant: bool = False) -> dict[str, Any]:
        probabilities = np.tile([0.4, 0.3, 0.3], (CLIPS, 1)) if constant else self.probabilities
        answers = {name: np.full(CLIPS, 0.5) if constant else values for name, values in self.answers.items()}
        found: dict[str, Any] = {}
        if "genre" in self.targets:
            scores = classification_scores(
                probabilities, self.labels, CLASSES, [f"artist {i // 2}" for i in range(CLIPS)], resamples=50
            )
            found["classification"] = {**scores, "target": "genre"}
        if answers:
            found["regression"] = scale_scores(self.true, answers)
        return found

    def header(self) -> list[str]:
        genre = ["genre", "predicted genre", *(f"p({name})" for name in CLASSES)] if "genre" in self.targets else []
        return ["id", "split", "group", *genre, *(cell for name in self.true for cell in (name, f"predicted {name}"))]

    def rows(self) -> list[list[Any]]:
        rows: list[list[Any]] = []
        for i, row in enumerate(self.probabilities):
            cells = [CLASSES[self.labels[i]], CLASSES[row.argmax()], *row] if "genre" in self.targets else []
            for name, true in self.true.items():
                cells += ["" if np.isnan(true[i]) else true[i], self.answers[name][i]]
            rows.append([f"clip{i:02d}", "test", f"artist {i // 2}", *cells])
        genre = [CLASSES[0], CLASSES[1], 0.0, 1.0, 0.0] if "genre" in self.targets else []
        return [*rows, ["val-clip", "val", "", *genre, *([9.0, 0.0] * len(self.true))]]


def metrics_of(sample: Sample, task: str) -> dict[str, Any]:
    decisive = {"genre": "val/f1_macro", "affect": "val/spearman"}.get(task, "val/score")
    return {
        "status": "done", "task": task, "targets": sample.targets, "model": "ast",
        "data": "synthetic_beat", "features": "fused", "synthetic": True, "seed": 7, "fold": None,
        "monitor": decisive, "weights": {"kind": "best", "epoch": 1, "reason": f"highest {decisive}"},
        "clips": {"train": 360, "val": 90, "test": CLIPS, "skipped": {"truncated": 1, "too short": 4}},
        "parameters": 123456, "seconds": {"total": 12.5, "training": 10.25}, "start": None, "weighting": None,
        "score": 0.5, "test": sample.scores(), "val": sample.scores(),
        "references": {"majority": sample.scores(constant=True), "linear": sample.scores()},
        "alarms": [{"name": "below linear", "message": "macro F1 0.5 is below."}],
    }  # fmt: skip


def write_run(folder: Path, metrics: Mapping[str, Any], header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    manifest = {
        "command": "python -m music_affect.train model=ast", "git": "0123abc", "packages": {"torch": "2.13.0"},
        "hardware": {"cpu": "two cores", "gpu": None}, "data": {"name": "synthetic_beat", "fingerprint": "f00d"},
        "split_hash": "beef",
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "config.yaml").write_text("model: ast\n")
    figure = str(metrics["monitor"]).removeprefix("val/")
    (folder / "metrics.csv").write_text(
        f"epoch,train/loss,train/{figure},val/loss,val/{figure},lr\n"
        "0,1.2,0.3,1.3,0.25,0.001\n1,0.9,0.5,1.1,0.4,0.0005\n2,0.8,0.6,,,0.0\n"
    )
    with (folder / "predictions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return folder


def maker(
    root: Path, task: str, targets: Mapping[str, Mapping[str, Any]], name: str = "synthetic_beat-fused-ast-s7"
) -> Callable[..., Path]:
    def make(folder: str = name, **changes: Any) -> Path:
        sample = Sample(targets)
        return write_run(root / folder, {**metrics_of(sample, task), **changes}, sample.header(), sample.rows())

    return make


@pytest.fixture
def finished_run(tmp_path: Path) -> Callable[..., Path]:
    """Makes the folder of a run with one class label; keyword arguments replace entries of metrics.json."""
    return maker(tmp_path / "runs", "genre", GENRE)


@pytest.fixture
def scales_run(tmp_path: Path) -> Callable[..., Path]:
    """The same with three scales: of known range, of half a range, without bounds."""
    return maker(tmp_path / "runs", "affect", SCALES)


@pytest.fixture
def joint_run(tmp_path: Path) -> Callable[..., Path]:
    """The same with a class label and three scales."""
    return maker(tmp_path / "runs", "joint", GENRE | SCALES)


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are written without drawing, which takes most of their time."""
    monkeypatch.setattr("music_affect.evaluation.run_report.draw", lambda run: {})


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every figure that is saved during the test."""
    figures: list[Figure] = []
    savefig = Figure.savefig

    def remember(figure: Figure, *args: Any, **options: Any) -> None:
        figures.append(figure)
        savefig(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", remember)
    return figures
