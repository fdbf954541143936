"""A checkpoint alone repeats its figures, scores other data, and refuses what does not fit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from running import TINY, compose, entry_point, train_quickly

from music_affect.contracts.errors import CheckpointError
from music_affect.evaluate import evaluate


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("runs") / "one"
    return folder, train_quickly(folder)


def score(*words: str) -> dict[str, Any]:
    return evaluate(compose("evaluate", "accelerator=cpu", *words))


def test_the_test_figure_is_repeated_exactly(run: tuple[Path, dict[str, Any]]) -> None:
    folder, metrics = run
    scored = score(f"checkpoint={folder}")
    assert scored["scores"] == metrics["test"]
    assert (folder / "evaluations" / "synthetic-test" / "scores.json").is_file()
    assert score(f"checkpoint={folder / metrics['weights']['file']}", "part=val")["scores"] == metrics["val"]


def test_figures_of_several_labels_are_repeated_too(tmp_path: Path) -> None:
    metrics = train_quickly(tmp_path / "run", "task=joint", "weighting=uncertainty", "trainer.max_epochs=1")
    assert metrics["test"].keys() == {"classification", "regression"}
    assert score(f"checkpoint={tmp_path / 'run'}")["scores"] == metrics["test"]


def test_a_second_process_needs_the_path_alone(run: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, metrics = run
    done = entry_point("evaluate", f"checkpoint={folder}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"macro F1 {metrics['test']['classification']['f1_macro']['value']:.3f}" in done.stdout


def test_other_data_is_scored_as_a_whole(run: tuple[Path, dict[str, Any]]) -> None:
    other = ["data=synthetic", *TINY[:2], "data.source.seed=1"]
    scored = score(f"checkpoint={run[0]}", *other)
    assert scored["scores"]["classification"]["clips"] == 60
    assert scored["trained_on"] == 0


def test_a_reference_model_is_scored_too(tmp_path: Path) -> None:
    metrics = train_quickly(tmp_path / "run", "model=linear", "task=joint")
    assert score(f"checkpoint={tmp_path / 'run'}")["scores"] == metrics["test"]


def test_other_features_are_refused(run: tuple[Path, dict[str, Any]]) -> None:
    with pytest.raises(CheckpointError, match="features with beat=True and the checkpoint was trained with beat=False"):
        score(f"checkpoint={run[0]}", "data=synthetic_beat", *TINY[:2])


def test_data_without_the_label_is_refused(run: tuple[Path, dict[str, Any]]) -> None:
    with pytest.raises(Exception, match="needs the categorical label 'genre'"):
        score(f"checkpoint={run[0]}", "data=multitask")


@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_a_truncated_checkpoint_is_refused(kept: int, run: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    content = (run[0] / "checkpoints" / "last.ckpt").read_bytes()
    (tmp_path / "half.ckpt").write_bytes(content[:kept])
    with pytest.raises(CheckpointError, match=r"half\.ckpt cannot be read"):
        score(f"checkpoint={tmp_path / 'half.ckpt'}")


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"music_affect": _Harmful(tmp_path / "ran")}, tmp_path / "bad.ckpt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        score(f"checkpoint={tmp_path / 'bad.ckpt'}")
    assert not (tmp_path / "ran").exists()


class _Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match="carries no description of music_affect"):
        score(f"checkpoint={tmp_path / 'other.ckpt'}")


def test_an_unfinished_run_folder_is_refused(run: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    shutil.copytree(run[0] / "checkpoints", tmp_path / "half" / "checkpoints")
    with pytest.raises(CheckpointError, match="is not a finished run"):
        score(f"checkpoint={tmp_path / 'half'}")
