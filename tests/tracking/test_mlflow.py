"""MLflow's store of files, read back by its own client."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from running import train_quickly
from told_runs import beginning, follow

from music_affect.errors import ConfigurationError
from music_affect.evaluation.run_folder import read_run
from music_affect.files import read_json
from music_affect.trackers import mlflow
from music_affect.trackers.tracker import Start

NEEDED = "needs the extra `mlflow`"


def client(store: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    tracking = pytest.importorskip("mlflow.tracking", reason=NEEDED)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return tracking.MlflowClient(str(store))


def only_run(reader: Any) -> Any:
    experiment = reader.get_experiment_by_name("music_affect")
    (run,) = reader.search_runs([experiment.experiment_id])
    return run


def started(start: Start, store: Path) -> Any:
    return mlflow.start(start, store=str(store), experiment="music_affect")


def test_one_word_tracks_a_reference_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = client(tmp_path / "store", monkeypatch)
    train_quickly(tmp_path / "run", "model=majority", "logger=mlflow", f"logger.store={tmp_path / 'store'}")
    run = only_run(reader)
    metrics = read_json(tmp_path / "run" / "metrics.json")
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "run"
    assert run.data.metrics["score"] == pytest.approx(metrics["score"])
    assert run.data.metrics["test/accuracy_low"] == metrics["test"]["classification"]["accuracy"]["low"]
    assert run.data.params["model.name"] == run.data.tags["model"] == "majority"
    assert run.data.tags["music"] == "synthetic"


def test_a_resumed_run_is_the_same_one_and_its_epochs_count_once(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, run = client(tmp_path / "store", monkeypatch), read_run(finished)
    first = started(beginning(finished, tmp_path / "run"), tmp_path / "store")
    first.epoch(run.history[0])
    first.close(failed=True)
    assert only_run(reader).info.status == "FAILED"
    follow(started(beginning(finished, tmp_path / "run"), tmp_path / "store"), finished)
    found = only_run(reader)
    assert found.info.status == "FINISHED"
    assert found.data.tags["sweep"] == "grid"
    told = reader.get_metric_history(found.info.run_id, "train/loss")
    assert [(one.step, one.value) for one in told] == [(row["epoch"], row["train/loss"]) for row in run.history]
    kept = {path.path for path in reader.list_artifacts(found.info.run_id)}
    assert {"predictions.csv", "report.md", "metrics.json", "figures", "spectrograms"} <= kept
    pictures = {path.path for path in reader.list_artifacts(found.info.run_id, "figures")}
    assert {"figures/confusion.png", "figures/scales.png", "figures/learning_curves.png"} <= pictures


def test_a_run_that_the_store_does_not_know_begins_anew(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (client(tmp_path / name, monkeypatch) for name in ("store", "another"))
    started(beginning(finished, tmp_path / "run"), tmp_path / "store").close(failed=True)
    for _ in range(2):
        started(beginning(finished, tmp_path / "run"), tmp_path / "another").close(failed=False)
    assert [only_run(reader).info.status for reader in (first, second)] == ["FAILED", "FINISHED"]


def test_a_store_that_cannot_be_used_is_named(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client(tmp_path / "store", monkeypatch)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ConfigurationError, match=r"logger\.store=.*file cannot be used"):
        started(beginning(finished, tmp_path / "run"), tmp_path / "file")


def test_what_to_install_is_said(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow.exceptions", None)
    with pytest.raises(ConfigurationError, match=r"MLflow is not installed; .*music_affect\[mlflow\]"):
        started(beginning(finished, tmp_path / "run"), tmp_path / "store")
