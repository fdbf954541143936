"""MLflow's store of files, read back by its own client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from logged_runs import config_of, interrupt, log_again, rows_of
from running import train_quickly

from music_affect.contracts.errors import ConfigurationError
from music_affect.system.files import read_json
from music_affect.training.loggers import lifecycle, opened

pytest.importorskip("mlflow.tracking", reason="needs the extra `mlflow`")
from music_affect.training.loggers.mlflow import MLFlowLogger


def client(store: Path) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(str(store))


def only_run(store: Path) -> Any:
    reader = client(store)
    experiment = reader.get_experiment_by_name("music_affect")
    (run,) = reader.search_runs([experiment.experiment_id])
    return run


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


def logger(tmp_path: Path, store: str = "store") -> MLFlowLogger:
    return MLFlowLogger(str(tmp_path / "run"), str(tmp_path / store), tags={"sweep": "grid", "model": None})


def test_one_word_logs_a_reference_model(tmp_path: Path) -> None:
    store = tmp_path / "store"
    train_quickly(tmp_path / "run", "model=majority", "logger=mlflow", f"logger.mlflow.tracking_uri={store}")
    run = only_run(store)
    metrics = read_json(tmp_path / "run" / "metrics.json")
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "run"
    assert run.data.metrics["score"] == pytest.approx(metrics["score"])
    assert run.data.metrics["test/accuracy_low"] == metrics["test"]["classification"]["accuracy"]["low"]
    assert run.data.params["model.name"] == run.data.tags["model"] == "majority"
    assert run.data.tags["music"] == "synthetic"


def test_a_resumed_run_is_the_same_one_and_its_epochs_count_once(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    config, rows = config_of(finished), rows_of(finished)
    with pytest.raises(KeyboardInterrupt):
        interrupt(logger(tmp_path), config, rows[0])
    assert only_run(tmp_path / "store").info.status == "FAILED"
    resumed = logger(tmp_path)
    with opened([resumed], config):
        resumed.replay(rows[:1])
    log_again(logger(tmp_path), finished)
    found, reader = only_run(tmp_path / "store"), client(tmp_path / "store")
    assert found.info.status == "FINISHED"
    assert found.data.tags["sweep"] == "grid"
    assert "model" not in found.data.tags
    history = reader.get_metric_history(found.info.run_id, "train/loss")
    assert [(one.step, one.value) for one in history] == [(row["epoch"], row["train/loss"]) for row in rows]
    kept = {path.path for path in reader.list_artifacts(found.info.run_id)}
    assert {"predictions.csv", "report.md", "metrics.json", "figures", "spectrograms"} <= kept
    pictures = {path.path for path in reader.list_artifacts(found.info.run_id, "figures")}
    assert {"figures/confusion.png", "figures/scales.png", "figures/learning_curves.png"} <= pictures


def test_labels_in_any_script_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    own = logger(tmp_path)
    with opened([own], {}):
        own.log_metrics({"test/Ροκ/f1": 0.25, "test/Ποπ/f1": 0.5, "test/a&b": 1.0})
    assert only_run(tmp_path / "store").data.metrics == {"test/Ροκ/f1": 0.25, "test/Ποπ/f1": 0.5, "test/a_b": 1.0}


def test_a_run_that_the_store_does_not_know_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(KeyboardInterrupt):
        interrupt(logger(tmp_path), {})
    for _ in range(2):
        with opened([logger(tmp_path, "another")], {}):
            pass
    assert [only_run(tmp_path / name).info.status for name in ("store", "another")] == ["FAILED", "FINISHED"]


def test_a_store_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(ConfigurationError, match=r"tracking_uri=.*file cannot be used"),
        opened([logger(tmp_path, "file")], {}),
    ):
        pass


def test_a_server_that_is_down_costs_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.chdir(tmp_path)
    own = MLFlowLogger(str(tmp_path), "http://127.0.0.1:9")  # a port where nobody answers
    with opened([own], {}) as loggers:
        assert loggers == []
    assert len(lines) == 1
    assert lines[0].startswith("MLFlowLogger failed (")
    assert lines[0].endswith("): the run goes on without it.")


def test_what_to_install_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"mlflow is not installed; .*music_affect\[mlflow\]"):
        logger(tmp_path)
