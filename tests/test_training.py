"""The main job: trains, reports, repeats itself exactly, survives a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from audio_files import RATE, write_music
from lightning.pytorch import LightningModule, Trainer
from running import QUICK, compose, entry_point, train_quickly

from music_affect.contracts.errors import RunFolderError, TrainingError
from music_affect.evaluation.pooling import pool
from music_affect.runs.reader import RunFolder, read_run
from music_affect.system import files
from music_affect.train import train
from music_affect.training.callbacks.seeding import SeedEveryEpoch


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("runs") / "one"
    return folder, train_quickly(folder)


def weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    content = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
    found: dict[str, torch.Tensor] = content["state_dict"]
    return found


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_leaves_everything_that_its_report_needs(run: tuple[Path, dict[str, Any]]) -> None:
    folder, metrics = run
    for name in ("config.yaml", "manifest.json", "metrics.json", "metrics.csv", "predictions.csv", "report.md"):
        assert (folder / name).is_file(), name
    assert files.read_json(folder / "status.json")["state"] == "done"
    assert files.read_json(folder / "metrics.json") == metrics
    assert metrics["synthetic"] is True
    assert "SYNTHETIC" in (folder / "report.md").read_text()
    assert set(metrics["references"]) == {"majority", "linear"}
    rows = files.read_csv(folder / "predictions.csv")
    clips = metrics["test"]["classification"]["clips"]
    assert sum(row["split"] == "test" for row in rows) == clips == metrics["clips"]["test"]
    assert metrics["score"] == metrics["test"]["classification"]["f1_macro"]["value"]
    for name, scored in metrics["references"].items():
        found = pool([read_run(folder)], partial(RunFolder.reference, name=name)).scores()["classification"]
        assert found["f1_macro"]["value"] == pytest.approx(scored["classification"]["f1_macro"]["value"])
    assert len(files.read_csv(folder / "metrics.csv")) == 3


def test_the_best_weights_are_tested_and_named(run: tuple[Path, dict[str, Any]]) -> None:
    folder, metrics = run
    history = files.read_csv(folder / "metrics.csv")
    best = max(history, key=lambda row: float(row["val/f1_macro"]))
    assert metrics["weights"]["kind"] == "best"
    assert metrics["weights"]["epoch"] == int(best["epoch"])
    assert metrics["val"]["classification"]["f1_macro"]["value"] == pytest.approx(float(best["val/f1_macro"]), abs=1e-6)


def test_without_a_validation_part_the_last_weights_are_tested(tmp_path: Path) -> None:
    metrics = train_quickly(tmp_path / "run", "data.fold=0", "trainer.max_epochs=1")
    assert metrics["weights"]["kind"] == "last"
    assert metrics["val"] is None
    assert "no validation split" in metrics["weights"]["reason"]


def test_two_runs_with_one_seed_are_equal(run: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, metrics = run
    again = train_quickly(tmp_path / "run")
    assert again["test"] == metrics["test"]
    assert (tmp_path / "run" / "metrics.csv").read_text() == (folder / "metrics.csv").read_text()
    assert same(weights(tmp_path / "run"), weights(folder))


def test_another_seed_gives_another_network(run: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    train_quickly(tmp_path / "run", "seed=1", "trainer.max_epochs=1")
    assert not same(weights(tmp_path / "run"), weights(run[0]))


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_weights(run: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "music_affect.train", *QUICK, f"hydra.run.dir={folder}", "trainer.max_epochs=8"]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(_history(folder)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert files.read_json(folder / "status.json")["state"] == "running", "killed too late to prove anything"
    torch.set_num_threads(1)
    resumed = train_quickly(folder, "trainer.max_epochs=8", "resume=true")
    whole = train_quickly(tmp_path / "whole", "trainer.max_epochs=8")
    assert resumed["test"] == whole["test"]
    assert resumed["weights"] == whole["weights"]
    assert (folder / "metrics.csv").read_text() == (tmp_path / "whole" / "metrics.csv").read_text()
    assert same(weights(folder), weights(tmp_path / "whole"))


def test_an_interrupted_run_has_not_failed_and_resumes_to_the_same_weights(
    run: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupting(SeedEveryEpoch):
        def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, index: int) -> None:
            if trainer.current_epoch in due:
                signal.raise_signal(due.pop(trainer.current_epoch))

    due = {0: signal.SIGHUP, 1: signal.SIGTERM, 2: signal.SIGINT}  # by epoch
    folder, signals = tmp_path / "stopped", list(due.values())
    before = [signal.getsignal(number) for number in signals]
    with monkeypatch.context() as patch:
        patch.setattr("music_affect.training.assembly.SeedEveryEpoch", Interrupting)
        for resume in ("false", "true", "true"):
            with pytest.raises(KeyboardInterrupt):
                train_quickly(folder, f"resume={resume}")
            assert files.read_json(folder / "status.json")["state"] == "running"
    assert [signal.getsignal(number) for number in signals] == before
    resumed = train_quickly(folder, "resume=true")
    assert resumed["test"] == run[1]["test"]
    assert (folder / "metrics.csv").read_text() == (run[0] / "metrics.csv").read_text()
    assert same(weights(folder), weights(run[0]))


def _history(folder: Path) -> list[dict[str, str]]:
    path = folder / "metrics.csv"
    return files.read_csv(path) if path.is_file() else []


def test_a_finished_run_is_neither_repeated_nor_mixed(run: tuple[Path, dict[str, Any]]) -> None:
    folder, metrics = run
    with pytest.raises(RunFolderError, match="holds a finished run"):
        train_quickly(folder)
    assert train_quickly(folder, "resume=true") == metrics
    with pytest.raises(RunFolderError, match="was started with seed=0 and this command says 5"):
        train_quickly(folder, "resume=true", "seed=5")


def test_a_folder_that_is_no_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(RunFolderError, match="holds files that are no run"):
        train_quickly(tmp_path, "overwrite=true")
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_a_failed_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("music_affect.training.experiment.write_report", _fail)
    with pytest.raises(ZeroDivisionError):
        train_quickly(tmp_path / "run", "trainer.max_epochs=1")
    status = files.read_json(tmp_path / "run" / "status.json")
    assert status["state"] == "failed"
    assert "ZeroDivisionError" in status["traceback"]


def test_a_run_that_failed_after_training_resumes_to_its_report(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("music_affect.training.experiment.write_report", _fail)
        with pytest.raises(ZeroDivisionError):
            train_quickly(tmp_path / "run")
    resumed = train_quickly(tmp_path / "run", "resume=true")
    assert resumed["test"] == train_quickly(tmp_path / "whole")["test"]
    assert (tmp_path / "run" / "report.md").is_file()


def _fail(folder: Path) -> None:
    raise ZeroDivisionError


def test_a_loss_that_explodes_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not finite"):
        train_quickly(tmp_path / "run", "optimizer.lr=1e30", "trainer.gradient_clip_val=null", "scheduler=constant")


def test_overfit_learns_by_heart_or_complains(tmp_path: Path) -> None:
    words = ["debug=overfit", "loader.overfit_batches=1", "scheduler=constant"]
    metrics = train_quickly(tmp_path / "good", *words, "trainer.max_epochs=80")
    assert metrics["last_loss"] < 0.1 < metrics["first_loss"]
    with pytest.raises(TrainingError, match="only fell from"):
        train_quickly(tmp_path / "bad", *words, "optimizer.lr=1e-9", "trainer.max_epochs=2")


@pytest.mark.parametrize("model", ["linear", "majority", "kernel", "knn"])
def test_reference_models_are_models_too(model: str, tmp_path: Path) -> None:
    metrics = train_quickly(tmp_path / "run", f"model={model}", "task=energy" if model == "kernel" else "task=genre")
    assert metrics["test"] == metrics["references"].get(model, metrics["test"])
    assert (tmp_path / "run" / "report.md").is_file()


def test_class_weights_and_balanced_sampling_run(tmp_path: Path) -> None:
    words = ["task.class_weights=balanced", "loader.class_balance=sampler", "trainer.max_epochs=1"]
    metrics = train_quickly(tmp_path / "run", *words, "augmentation=mixup", "augmentation.time_masks=1")
    assert metrics["status"] == "done"


def test_the_command_of_the_issue_runs(tmp_path: Path) -> None:
    words = ["model=ast", "data=synthetic_beat", "task=genre", "trainer.max_epochs=1", *QUICK[:3]]
    words.append(f"paths.outputs={tmp_path / 'outputs'}")
    done = entry_point("train", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "SYNTHETIC" in done.stdout
    assert "report.md" in done.stdout
    assert len(list(tmp_path.rglob("report.md"))) == 1


def test_configuration_reaches_the_run(tmp_path: Path) -> None:
    cfg = compose("train", *QUICK, "trainer.max_epochs=1", "model.net.dropout=0.25")
    train(cfg, tmp_path / "run")
    assert "dropout: 0.25" in (tmp_path / "run" / "config.yaml").read_text()


def test_clips_without_beats_are_told_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = write_music(tmp_path / "music", 5, seconds=1.5)
    soundfile.write(tmp_path / "music" / "click.wav", [*[0.0] * 100, 0.01, *[0.0] * 30000], RATE, subtype="FLOAT")
    moods = ("calm,train", "wild,train", "calm,test", "wild,test", "calm,train")
    rows = [f"{path.name},{mood}" for path, mood in zip(paths, moods, strict=True)]
    (tmp_path / "music" / "labels.csv").write_text("\n".join(["path,mood,split", *rows, "click.wav,wild,train", ""]))
    words = ["data=folder_beat", f"data.root={tmp_path / 'music'}", "task.target=mood"]
    train(compose("train", "model=majority", "workers=1", *words), tmp_path / "run")
    assert "1 of 6 clips: no beats." in capsys.readouterr().out
    assert files.read_json(tmp_path / "run" / "manifest.json")["data"]["remarks"] == {"no beats": 1}
