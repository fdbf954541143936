"""TensorBoard's events, read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from logged_runs import config_of, interrupt, log_again, log_epoch, rows_of
from running import train_quickly
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from music_affect.contracts.errors import ConfigurationError
from music_affect.runs.reader import read_run
from music_affect.system.files import read_json
from music_affect.training.loggers import lifecycle, opened
from music_affect.training.loggers.tensorboard import TensorBoardLogger


def events(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder / "tensorboard"), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    found.Reload()
    return found


def text(found: EventAccumulator, name: str) -> str:
    content: bytes = found.Tensors(f"{name}/text_summary")[0].tensor_proto.string_val[0]
    return content.decode()


def test_one_word_logs_a_run_and_the_events_are_those_of_its_folder(tmp_path: Path) -> None:
    train_quickly(tmp_path / "run", "logger=[csv,tensorboard]", "trainer.max_epochs=2")
    found, run = events(tmp_path / "run"), read_run(tmp_path / "run")
    for name in ("train/loss", "val/f1_macro", "lr"):
        assert [(one.step, one.value) for one in found.Scalars(name)] == [
            (row["epoch"], pytest.approx(row[name])) for row in run.history
        ]
    metrics = read_json(tmp_path / "run" / "metrics.json")
    assert found.Scalars("score")[0].value == pytest.approx(metrics["score"])
    linear = metrics["references"]["linear"]["classification"]["f1_macro"]
    assert found.Scalars("linear/f1_macro_high")[0].value == pytest.approx(linear["high"])
    assert text(found, "status") == "finished"
    assert (tmp_path / "run" / "csv" / "metrics.csv").is_file()


def test_settings_pictures_and_alarms_are_there_and_a_second_attempt_hides_the_first(
    finished: Path, tmp_path: Path
) -> None:
    attempt, rows = TensorBoardLogger(str(tmp_path)), rows_of(finished)
    with pytest.raises(KeyboardInterrupt):
        interrupt(attempt, config_of(finished), {"epoch": 0, "train/loss": 99.0})
    assert text(events(tmp_path), "status") == "failed"
    log_again(TensorBoardLogger(str(tmp_path)), finished)
    found = events(tmp_path)
    assert [one.value for one in found.Scalars("train/loss")] == pytest.approx([row["train/loss"] for row in rows])
    assert {"figures/confusion", "figures/scales", "spectrograms/0", "spectrograms/2"} <= set(found.Tags()["images"])
    assert found.Images("figures/confusion")[0].height > 500
    started = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    settings = HParamsPluginData.FromString(started).session_start_info.hparams
    assert settings["model.name"].string_value == "cnn_fast"
    assert settings["optimizer.lr"].number_value == pytest.approx(0.002)
    alarm = read_run(finished).metrics["alarms"][0]
    assert text(found, f"alarms/{alarm['name']}") == alarm["message"]


def test_epochs_of_an_earlier_attempt_are_replayed(finished: Path, tmp_path: Path) -> None:
    rows, own = rows_of(finished), TensorBoardLogger(str(tmp_path))
    with opened([own], {}):
        own.replay(rows[:1])
        log_epoch(own, rows[1])
    assert [one.step for one in events(tmp_path).Scalars("train/loss")] == [0, 1]


def test_what_to_install_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"tensorboard is not installed; .*music_affect\[tensorboard\]"):
        TensorBoardLogger(str(tmp_path))
