"""Starting from another run: what arrives, what stays frozen, what is learnt slower, and what the report says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from running import QUICK, compose, train_quickly
from torch import Tensor

from music_affect.configuration import build
from music_affect.contracts.spec import Continuous
from music_affect.runs.checkpoint import Checkpoint, read_checkpoint
from music_affect.system import files
from music_affect.training import transfer

NAME = "synthetic-fused-cnn_fast-s0"


@pytest.fixture(scope="module")
def genre(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished genre run."""
    folder = tmp_path_factory.mktemp("starts") / "genre"
    train_quickly(folder)
    return folder


def transferred(folder: Path, start: Path, *words: str) -> tuple[dict[str, Any], Checkpoint]:
    """A valence run from a start: its metrics and its last weights."""
    metrics = train_quickly(folder, "task=valence", f"start_from={start}", "trainer.max_epochs=1", *words)
    return metrics, read_checkpoint(folder / "checkpoints" / "last.ckpt")


def part(checkpoint: Checkpoint, prefix: str = "backbone.") -> dict[str, Tensor]:
    return {name: tensor for name, tensor in checkpoint.weights.items() if name.startswith(prefix)}


def moved(before: Checkpoint, after: Checkpoint, prefix: str = "backbone.") -> set[str]:
    first, second = part(before, prefix), part(after, prefix)
    assert first.keys() == second.keys()
    return {name for name in first if not torch.equal(first[name], second[name])}


def statistics(names: set[str]) -> set[str]:
    return {name for name in names if "running_" in name or "num_batches" in name}


def test_every_tensor_of_the_backbone_arrives(genre: Path) -> None:
    start = read_checkpoint(genre)
    cfg = compose("train", *QUICK, "task=valence", "seed=5")
    spec = replace(start.description.spec, targets={"valence": Continuous(0, 1)})
    torch.manual_seed(5)
    task = build.task(cfg, spec)
    fresh = {name: tensor.clone() for name, tensor in task.state_dict().items()}
    account = transfer.load(task, spec, start)
    arrived = task.state_dict()
    assert account.tensors == len(part(start)) > 10
    for name, tensor in part(start).items():
        assert torch.equal(arrived[name], tensor), name
    assert any(not torch.equal(fresh[name], tensor) for name, tensor in part(start).items())
    assert all(torch.equal(fresh[name], arrived[name]) for name in fresh if name.startswith("objectives."))


def test_a_run_that_cannot_learn_ends_with_the_weights_of_its_start(genre: Path, tmp_path: Path) -> None:
    _, after = transferred(tmp_path / "run", genre, "optimizer.lr=0")
    changed = moved(read_checkpoint(genre), after)
    assert changed == statistics(changed), "running statistics alone follow the data"


def test_the_account_stands_in_the_metrics(genre: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics, _ = transferred(tmp_path / "run", genre, "backbone_rate=0.5")
    start = read_checkpoint(genre)
    assert metrics["start"] == {
        "checkpoint": str(start.path),
        "task": "genre",
        "freeze": "none",
        "backbone_rate": 0.5,
        "loaded": ["backbone"],
        "new": ["head of valence"],
        "unused": ["head of genre"],
        "tensors": len(part(start)),
        "scratch_run": "run",
    }
    told = capsys.readouterr().out
    assert f"Start: {len(part(start))} tensors from {start.path} (genre, epoch {start.epoch})." in told
    assert "Loaded: backbone. New: head of valence. Not used: head of genre. Freeze: none." in told


def test_the_head_of_a_label_that_both_runs_have_is_loaded_too(genre: Path, tmp_path: Path) -> None:
    metrics, after = transferred(tmp_path / "run", genre, "task=joint", "optimizer.lr=0")
    heads = ["valence", "energy", "danceability"]
    assert metrics["start"]["loaded"] == ["backbone", "head of genre"]
    assert metrics["start"]["new"] == [f"head of {name}" for name in heads]
    assert metrics["start"]["unused"] == []
    assert moved(read_checkpoint(genre), after, "objectives.0.") == set()


def test_a_head_is_found_wherever_it_stands(tmp_path: Path) -> None:
    train_quickly(tmp_path / "affect", "task=affect", "trainer.max_epochs=1")
    words = ["task=affect", "task.targets=[danceability,valence]", "optimizer.lr=0"]
    metrics, after = transferred(tmp_path / "run", tmp_path / "affect", *words)
    before = read_checkpoint(tmp_path / "affect")
    assert metrics["start"]["unused"] == ["head of energy"]
    assert torch.equal(after.weights["objectives.0.head.weight"], before.weights["objectives.2.head.weight"])
    assert torch.equal(after.weights["objectives.1.head.bias"], before.weights["objectives.0.head.bias"])


def test_a_frozen_backbone_stays_as_it_is_and_its_head_learns(genre: Path, tmp_path: Path) -> None:
    words = ["freeze=backbone", "trainer.max_epochs=2", "augmentation=mixup"]
    metrics, after = transferred(tmp_path / "run", genre, *words)
    before = read_checkpoint(genre)
    assert statistics(set(part(before))), "without running statistics this would prove little"
    assert moved(before, after) == set()
    scratch = build.task(compose("train", *QUICK, "task=valence"), after.description.spec)
    assert metrics["parameters"] == sum(p.numel() for p in scratch.objectives.parameters())
    rows = files.read_csv(tmp_path / "run" / "metrics.csv")
    assert float(rows[0]["train/loss"]) != float(rows[1]["train/loss"])


@pytest.mark.parametrize(("steps", "still"), [(6, True), (9, False)])  # three an epoch
def test_a_backbone_frozen_for_two_epochs_moves_in_the_third(
    genre: Path, tmp_path: Path, steps: int, still: bool
) -> None:
    words = ["freeze=until_epoch:2", "trainer.max_epochs=3", f"+trainer.max_steps={steps}", "scheduler=constant"]
    _, after = transferred(tmp_path / "run", genre, *words)
    changed = moved(read_checkpoint(genre), after)
    assert (changed == set()) is still
    assert bool(statistics(changed)) is not still
    assert bool(changed - statistics(changed)) is not still


def test_the_backbone_learns_at_its_share_of_the_rate(genre: Path, tmp_path: Path) -> None:
    transferred(tmp_path / "run", genre, "backbone_rate=0.1", "scheduler=constant", "optimizer.lr=0.004")
    content = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    groups = content["optimizer_states"][0]["param_groups"]
    assert [group["lr"] for group in groups] == pytest.approx([0.0004, 0.0004, 0.004, 0.004])
    backbone = sum("running" not in name and "num_batches" not in name for name in part(read_checkpoint(genre)))
    assert sum(len(group["params"]) for group in groups if group["lr"] < 0.001) == backbone


def test_a_backbone_rate_of_zero_moves_the_head_alone(genre: Path, tmp_path: Path) -> None:
    _, after = transferred(tmp_path / "run", genre, "backbone_rate=0", "task=genre", "optimizer.lr=0.01")
    before = read_checkpoint(genre)
    changed = moved(before, after)
    assert changed == statistics(changed)
    assert moved(before, after, "objectives.") == {"objectives.0.head.weight", "objectives.0.head.bias"}


def test_features_are_standardised_as_for_the_start(genre: Path, tmp_path: Path) -> None:
    train_quickly(tmp_path / "scratch", "task=valence", "data.fold=0", "trainer.max_epochs=1")
    _, after = transferred(tmp_path / "run", genre, "data.fold=0")
    of_start = read_checkpoint(genre).description.normalizer.to_dict()
    assert after.description.normalizer.to_dict() == of_start
    assert read_checkpoint(tmp_path / "scratch").description.normalizer.to_dict() != of_start


def test_a_start_that_was_trained_on_the_test_clips_is_announced(tmp_path: Path) -> None:
    train_quickly(tmp_path / "start", "data.fold=1", "trainer.max_epochs=1")
    leaked, _ = transferred(tmp_path / "leaked", tmp_path / "start", "data.fold=0")
    clean, _ = transferred(tmp_path / "clean", tmp_path / "start", "data.fold=1")
    alarms = {alarm["name"]: alarm["message"] for alarm in leaked["alarms"]}
    tested = leaked["clips"]["test"]
    assert alarms["leaked start"].startswith(f"the start was trained on {tested} of the {tested} test clips.")
    assert "data.fold" in alarms["leaked start"]
    assert "leaked start" not in {alarm["name"] for alarm in clean["alarms"]}


def test_the_report_sets_transfer_beside_from_scratch(genre: Path, tmp_path: Path) -> None:
    transferred(tmp_path / f"{NAME}-transfer_freeze_backbone", genre, "freeze=backbone")
    assert "No finished run from scratch" in (tmp_path / f"{NAME}-transfer_freeze_backbone" / "report.md").read_text()
    scratch = train_quickly(tmp_path / NAME, "task=valence", "trainer.max_epochs=1")
    metrics, _ = transferred(tmp_path / f"{NAME}-transfer", genre)
    assert metrics["start"]["scratch_run"] == NAME
    report = (tmp_path / f"{NAME}-transfer" / "report.md").read_text()
    assert f"From scratch: `{NAME}`" in report
    own, other = (found["test"]["regression"]["spearman"]["value"] for found in (metrics, scratch))
    assert f"{own - other:+.3f}" in report.split("### Transfer beside from scratch")[1]


def test_a_transfer_is_named_after_its_start_and_its_freezing(tmp_path: Path) -> None:
    words = ["model=cnn_fast", "data=synthetic", "task=valence"]
    assert compose("train", *words).run_name == NAME
    assert compose("train", *words, f"start_from={tmp_path}").run_name == f"{NAME}-transfer"
    frozen = compose("train", *words, f"start_from={tmp_path}", "freeze=until_epoch:2", "data.fold=3")
    assert frozen.run_name == f"{NAME}-f3-transfer_freeze_until_epoch2"


@pytest.mark.slow
def test_a_killed_transfer_resumes_to_the_same_weights(genre: Path, tmp_path: Path) -> None:
    words = ["task=valence", f"start_from={genre}", "freeze=until_epoch:3", "trainer.max_epochs=8"]
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "music_affect.train", *QUICK, *words, f"hydra.run.dir={folder}"]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while _epochs(folder) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert files.read_json(folder / "status.json")["state"] == "running", "killed too late to prove anything"
    torch.set_num_threads(1)
    resumed = train_quickly(folder, *words, "resume=true")
    whole = train_quickly(tmp_path / "whole", *words)
    for name in ("test", "val", "weights"):
        assert resumed[name] == whole[name]
    first, second = (read_checkpoint(run / "checkpoints" / "last.ckpt") for run in (folder, tmp_path / "whole"))
    assert moved(first, second, "") == set()
    assert moved(read_checkpoint(genre), second), "it thawed"


def _epochs(folder: Path) -> int:
    path = folder / "metrics.csv"
    return len(files.read_csv(path)) if path.is_file() else 0
