"""What a report says about a run that started from another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from music_affect.evaluation.run_report import write_report

MakeRun = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("without_figures")
SCRATCH = "synthetic_beat-fused-ast-s7"
START: dict[str, Any] = {
    "checkpoint": "outputs/genre/a/checkpoints/best.ckpt", "task": "genre", "freeze": "until_epoch:3",
    "backbone_rate": 0.1, "loaded": ["backbone", "head of genre"], "new": ["head of valence"], "unused": [],
    "tensors": 44, "scratch_run": SCRATCH,
}  # fmt: skip


def start_section(run: Path) -> str:
    return write_report(run).read_text().split("\n## Start\n")[1].split("\n## ")[0]


def test_what_was_loaded_is_told(joint_run: MakeRun) -> None:
    body = start_section(joint_run(folder="transfer", start=START))
    for row in (
        "started from | outputs/genre/a/checkpoints/best.ckpt",
        "trained for | genre",
        "freeze | until_epoch:3",
        "loaded | backbone, head of genre",
        "new, from random weights | head of valence",
        "left behind | nothing",
        "tensors loaded | 44",
    ):
        assert f"| {row} |" in body


def test_transfer_stands_beside_from_scratch(joint_run: MakeRun) -> None:
    scratch = joint_run()
    metrics = json.loads((scratch / "metrics.json").read_text())
    own = {**metrics["test"]["regression"], "spearman": {"value": 0.75, "low": 0.7, "high": 0.8}}
    metrics["test"]["regression"]["spearman"] = {"value": 0.8, "low": 0.75, "high": 0.85}
    (scratch / "metrics.json").write_text(json.dumps(metrics))
    test = {"classification": metrics["test"]["classification"], "regression": own}
    body = start_section(joint_run(folder="transfer", start=START, test=test))
    assert "| mean Spearman | 0.750 [0.700, 0.800] | 0.800 [0.750, 0.850] | -0.050 |" in body
    for title in ("macro F1", "accuracy", "Spearman, valence", "Spearman, energy", "Spearman, tension"):
        assert f"| {title} | " in body
    assert body.count("| +0.000 |") == 5
    assert f"From scratch: `{SCRATCH}`." in body
    assert "different clips" not in body


def test_only_shared_labels_are_compared(joint_run: MakeRun, finished_run: MakeRun) -> None:
    finished_run()
    body = start_section(joint_run(folder="transfer", start=START))
    assert "| macro F1 | " in body
    assert "Spearman" not in body


def test_other_test_clips_are_warned_of(joint_run: MakeRun) -> None:
    path = joint_run() / "predictions.csv"
    path.write_text(path.read_text().replace("clip07,test", "clip77,test"))
    assert "**The two were tested on different clips.**" in start_section(joint_run(folder="transfer", start=START))


@pytest.mark.parametrize("state", ["absent", "unfinished", "itself", "unnamed"])
def test_a_missing_run_from_scratch_is_said(joint_run: MakeRun, state: str) -> None:
    if state == "unfinished":
        joint_run(status="running")
    name = {"itself": "transfer", "unnamed": None}.get(state, SCRATCH)
    body = start_section(joint_run(folder="transfer", start={**START, "scratch_run": name}))
    assert "No finished run from scratch" in body
    assert "lies beside this one: train it" in body
    assert "| difference |" not in body


def test_in_a_sweep_the_run_from_scratch_has_another_digest(joint_run: MakeRun) -> None:
    joint_run(folder=f"{SCRATCH}-0123abcd")
    body = start_section(joint_run(folder=f"{SCRATCH}-transfer-4567cdef", start=START))
    assert f"From scratch: `{SCRATCH}-0123abcd`." in body
