"""A start that has heard the test clips is announced, wherever it heard them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from running import compose

from music_affect.evaluate import evaluate
from music_affect.train import train

BRIEF = ["model=cnn_fast", "trainer=cpu", "trainer.max_epochs=1", "loader.windows=1", "workers=1"]


@pytest.fixture(scope="module")
def affect(lab_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the affect set that is tested on its fold 0 and has heard the other folds."""
    folder = tmp_path_factory.mktemp("starts") / "affect"
    run(folder, *of_affect(lab_root), "data.fold=0")
    return folder


def run(folder: Path, *words: str) -> dict[str, Any]:
    return train(compose("train", *words, *BRIEF), folder)


def of_affect(root: Path) -> list[str]:
    return ["data=multitask", f"data.root={root}", "task=affect"]


def of_both(root: Path) -> list[str]:
    return ["data=fma", f"data.root={root}", "data@also=multitask", f"also.root={root}", "task=joint"]


def leak(metrics: dict[str, Any]) -> str | None:
    return next((alarm["message"] for alarm in metrics["alarms"] if alarm["name"] == "leaked start"), None)


def test_from_one_set_to_two(affect: Path, lab_root: Path, tmp_path: Path) -> None:
    metrics = run(tmp_path / "leaked", *of_both(lab_root), "data.fold=1", f"start_from={affect}")
    heard = metrics["test"]["regression"]["clips"]
    assert str(leak(metrics)).startswith(
        f"the start was trained on {heard} of the {metrics['clips']['test']} test clips"
    )
    assert leak(run(tmp_path / "clean", *of_both(lab_root), "data.fold=0", f"start_from={affect}")) is None


def test_from_two_sets_to_one(lab_root: Path, tmp_path: Path) -> None:
    run(tmp_path / "start", *of_both(lab_root), "data.fold=0")
    words = [*of_affect(lab_root), f"start_from={tmp_path / 'start'}"]
    leaked = run(tmp_path / "leaked", *words, "data.fold=1")
    tested = leaked["clips"]["test"]
    assert str(leak(leaked)).startswith(f"the start was trained on {tested} of the {tested} test clips")
    assert leak(run(tmp_path / "clean", *words, "data.fold=0")) is None


def test_what_the_start_of_the_start_has_heard(affect: Path, lab_root: Path, tmp_path: Path) -> None:
    words = [*of_affect(lab_root), "data.fold=1"]
    assert leak(run(tmp_path / "second", *words, f"start_from={affect}")) is not None
    assert leak(run(tmp_path / "third", *words, f"start_from={tmp_path / 'second'}")) is not None


def test_an_evaluation_says_so_too(affect: Path, lab_root: Path) -> None:
    words = ["data=multitask", f"data.root={lab_root}", "part=all", "accelerator=cpu"]
    scored = evaluate(compose("evaluate", f"checkpoint={affect}", *words))
    assert 18 <= scored["trained_on"] < scored["scores"]["regression"]["clips"] == 24
