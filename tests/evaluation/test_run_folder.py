"""Run folders in every state that a run or a sweep leaves them in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sweep_folders import settings_of, write_cell, write_state

from music_affect.contracts.errors import RunFolderError
from music_affect.runs.reader import deciding, find_run, find_runs, read_run


def test_runs_are_found_at_any_depth(tmp_path: Path) -> None:
    for name in ("2-genre", "3-genre", "deeper/inner/1-genre"):
        write_cell(tmp_path / name)
    (tmp_path / "2-genre" / "checkpoints" / "status.json").parent.mkdir()
    (tmp_path / "2-genre" / "checkpoints" / "status.json").write_text("{}")
    assert [run.path.name for run in find_runs(tmp_path)] == ["2-genre", "3-genre", "1-genre"]


def test_a_finished_run(tmp_path: Path) -> None:
    run = find_run(write_cell(tmp_path / "run", seed=3, fold=1, config={"optimizer": {"lr": 0.1, "betas": [1, 2]}}))
    assert (run.state, run.reason, run.seed, run.fold) == ("done", "", 3, 1)
    assert run.config["optimizer.lr"] == 0.1
    assert run.config["optimizer.betas"] == [1, 2]
    assert run.score == run.metrics["score"]
    assert [row["val/f1_macro"] for row in run.history] == [0.1, 0.3]


def test_a_failed_run_tells_the_first_line_of_its_reason(tmp_path: Path) -> None:
    folder = write_state(tmp_path / "run", "failed", settings_of(), reason="\n  the loss is not finite\nmore of it")
    run = find_run(folder)
    assert (run.state, run.reason) == ("failed", "the loss is not finite")
    assert run.config["model.name"] == "cnn"


def break_metrics(folder: Path) -> None:
    (folder / "metrics.json").write_text('{"status": "done", "task"')


def lose_metrics(folder: Path) -> None:
    (folder / "metrics.json").unlink()


def break_status(folder: Path) -> None:
    (folder / "status.json").write_text('{"state": ')


def cut_off(folder: Path) -> None:
    (folder / "status.json").write_text('{"state": "running"}')


def only_learn_by_heart(folder: Path) -> None:
    (folder / "metrics.json").write_text('{"status": "done", "debug": "overfit"}')


@pytest.mark.parametrize(
    ("spoil", "state", "reason"),
    [
        (break_metrics, "broken", "metrics.json cannot be read"),
        (lose_metrics, "broken", "metrics.json cannot be read"),
        (break_status, "broken", "status.json cannot be read"),
        (cut_off, "unfinished", "cut off, or still running"),
        (only_learn_by_heart, "not scored", "a debug run"),
    ],
)
def test_what_is_half_there(tmp_path: Path, spoil: Callable[[Path], None], state: str, reason: str) -> None:
    folder = write_cell(tmp_path / "run")
    spoil(folder)
    run = find_run(folder)
    assert (run.state, run.metrics) == (state, {})
    assert run.reason.startswith(reason)


@pytest.mark.parametrize("name", ["config.yaml", "manifest.json", "metrics.csv", "predictions.csv", "status.json"])
@pytest.mark.parametrize("content", [None, "\x00: [", ""])
def test_a_finished_run_is_read_without_the_rest(tmp_path: Path, name: str, content: str | None) -> None:
    folder = write_cell(tmp_path / "run")
    (folder / name).unlink()
    if content is not None and name != "status.json":
        (folder / name).write_text(content)
    run = find_run(folder)
    assert run.state == "done"
    assert run.score is not None
    assert run.config["model.name"] == "cnn"


def test_a_run_of_another_layout_is_left_out_in_one_line(tmp_path: Path) -> None:
    folder = write_cell(tmp_path / "run")
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["test"] = metrics["test"]["classification"]
    del metrics["targets"]
    (folder / "metrics.json").write_text(json.dumps({**metrics, "target": "genre", "classes": ["a", "b"]}))
    run = find_run(folder)
    assert (run.state, run.metrics) == ("broken", {})
    assert run.reason == "metrics.json cannot be used (targets is missing)"
    with pytest.raises(
        RunFolderError, match=r"metrics.json cannot be used \(targets is missing\).*start it afresh"
    ) as refused:
        read_run(folder)
    assert "\n" not in str(refused.value)


def test_the_deciding_figure_is_the_mean_over_kinds_of_labels() -> None:
    classes, scales = {"f1_macro": {"value": 0.4}}, {"spearman": {"value": 0.6}}
    assert deciding({"classification": classes}) == 0.4
    assert deciding({"regression": scales}) == 0.6
    assert deciding({"classification": classes, "regression": scales}) == pytest.approx(0.5)
    assert [deciding(None), deciding({}), deciding({"classification": {}})] == [None] * 3


def test_synthetic_music_is_known_from_the_configuration_of_a_run_without_scores(tmp_path: Path) -> None:
    assert find_run(write_state(tmp_path / "a", "failed", settings_of(data="synthetic_beat"))).synthetic
    assert not find_run(write_state(tmp_path / "b", "failed", settings_of(data="folk"))).synthetic
    assert find_run(write_cell(tmp_path / "c", synthetic=True)).synthetic


WORDS = ["model=ast", "seed=1", "optimizer.lr=1e-4", "loader.crop=null", "optimizer.betas=[0.8,0.9]", "tag={a"]


def test_a_plan_tells_the_words_of_each_run_and_which_have_not_begun(tmp_path: Path) -> None:
    write_cell(tmp_path / "genre-a-0123abcd")
    rows = [{"folder": name, "words": WORDS} for name in ("genre-a-0123abcd", "genre-b-0123abcd")]
    (tmp_path / "sweep.json").write_text(json.dumps({"command": "python", "cells": rows}))
    begun, waiting = find_runs(tmp_path)
    assert (begun.state, begun.words) == ("done", WORDS)
    assert (waiting.state, waiting.reason) == ("not begun", "planned, not begun")
    assert waiting.config == {
        "model.name": "ast", "seed": 1, "optimizer.lr": 1e-4, "loader.crop": None, "optimizer.betas": [0.8, 0.9],
        "tag": "{a"}  # fmt: skip


@pytest.mark.parametrize("plan", ["{", "[]", '{"cells": 3}', '{"cells": [3, {"words": []}]}'])
def test_a_broken_plan_is_none(tmp_path: Path, plan: str) -> None:
    write_cell(tmp_path / "run")
    (tmp_path / "sweep.json").write_text(plan)
    assert [run.words for run in find_runs(tmp_path)] == [[]]


def test_a_trial_that_was_stopped_is_no_failure(tmp_path: Path) -> None:
    run = find_run(write_state(tmp_path / "run", "pruned", settings_of(), reason="behind the median at epoch 5"))
    assert (run.state, run.reason) == ("pruned", "behind the median at epoch 5")
