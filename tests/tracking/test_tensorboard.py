"""TensorBoard's events, read back."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from running import train_quickly
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from told_runs import beginning, follow

from music_affect.errors import ConfigurationError
from music_affect.evaluation.run_folder import read_run
from music_affect.files import read_json
from music_affect.trackers import tensorboard


def events(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder / "tensorboard"), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    found.Reload()
    return found


def test_one_word_tracks_a_run_and_the_events_are_those_of_its_folder(tmp_path: Path) -> None:
    train_quickly(tmp_path / "run", "logger=tensorboard", "trainer.max_epochs=2")
    found, run = events(tmp_path / "run"), read_run(tmp_path / "run")
    for name in ("train/loss", "val/f1_macro", "lr"):
        assert [(one.step, one.value) for one in found.Scalars(name)] == [
            (row["epoch"], pytest.approx(row[name])) for row in run.history
        ]
    metrics = read_json(tmp_path / "run" / "metrics.json")
    assert found.Scalars("score")[0].value == pytest.approx(metrics["score"])
    linear = metrics["references"]["linear"]["classification"]["f1_macro"]
    assert found.Scalars("linear/f1_macro_high")[0].value == pytest.approx(linear["high"])


def test_settings_pictures_and_alarms_are_there_and_a_second_attempt_hides_the_first(
    finished: Path, tmp_path: Path
) -> None:
    run = read_run(finished)
    attempt = tensorboard.start(beginning(finished, tmp_path))
    attempt.epoch({"epoch": 0, "train/loss": 99.0})
    attempt.close(failed=True)
    follow(tensorboard.start(beginning(finished, tmp_path)), finished)
    found = events(tmp_path)
    assert [one.value for one in found.Scalars("train/loss")] == pytest.approx(
        [row["train/loss"] for row in run.history]
    )
    assert {"figures/confusion", "figures/scales", "spectrograms/0", "spectrograms/2"} <= set(found.Tags()["images"])
    assert found.Images("figures/confusion")[0].height > 500
    started = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    settings = HParamsPluginData.FromString(started).session_start_info.hparams
    assert settings["model.name"].string_value == "cnn_fast"
    assert settings["optimizer.lr"].number_value == pytest.approx(0.002)
    alarm = run.metrics["alarms"][0]
    told = found.Tensors(f"alarms/{alarm['name']}/text_summary")[0].tensor_proto.string_val[0]
    assert told.decode() == alarm["message"]


def test_what_to_install_is_said(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert importlib.util.find_spec("tensorboard")
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"TensorBoard is not installed; .*music_affect\[tensorboard\]"):
        tensorboard.start(beginning(finished, tmp_path))
