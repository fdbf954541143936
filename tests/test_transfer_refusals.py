"""Starts that cannot be meant are refused, with the reason and the way out, before anything is learnt."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from running import train_quickly

from music_affect.contracts.errors import CheckpointError, ConfigurationError, MusicAffectError


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starts") / "genre"
    train_quickly(folder, "trainer.max_epochs=1")
    return folder


def refusal(folder: Path, *words: str) -> MusicAffectError:
    with pytest.raises(MusicAffectError) as caught:
        train_quickly(folder, "task=valence", *words)
    assert not (folder / "metrics.csv").exists()
    return caught.value


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["features=mel"], r"features.blocks=['mel', 'chroma'] and this run has ['mel']"),
        (["features.extraction.n_fft=1024"], "features.extraction={'n_fft': 2048} and this run has {'n_fft': 1024}"),
        (["loader.average_frames=2"], "loader.average_frames=4 and this run has 2"),
        (["data=synthetic_beat"], "data.beat=False and this run has True"),
        (["model=cnn"], "model.net={'channels': [16, 32, 64, 128]} and this run has {'channels': [32, 64, 128, 256]}"),
        (["model=lstm"], "model.net={'_target_': 'music_affect.models.cnn.CNN'"),
    ],
)
def test_other_features_and_other_networks(start: Path, tmp_path: Path, words: list[str], told: str) -> None:
    error = refusal(tmp_path / "run", f"start_from={start}", *words)
    assert isinstance(error, CheckpointError)
    assert f"start_from was trained with {told}" in error.found
    assert error.expected == "the same features and the same network"
    assert "features=, data=, model=" in error.fix


def test_another_dropout_is_no_other_network_and_a_shortest_clip_no_other_feature(start: Path, tmp_path: Path) -> None:
    words = ["task=valence", f"start_from={start}", "model.net.dropout=0.6", "features.extraction.min_seconds=0.5"]
    words.append("trainer.max_epochs=1")
    assert train_quickly(tmp_path / "run", *words)["start"]["loaded"] == ["backbone"]


@pytest.mark.parametrize("freeze", ["backbone", "until_epoch:3"])
def test_freezing_random_weights(tmp_path: Path, freeze: str) -> None:
    error = refusal(tmp_path / "run", f"freeze={freeze}")
    assert isinstance(error, ConfigurationError)
    assert error.found == f"freeze={freeze} without a start: random weights would stay as they are"
    assert "start_from=RUN_FOLDER" in error.expected
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("freeze", ["all", "until_epoch", "until_epoch:-1", "True"])
def test_words_that_freeze_does_not_know(start: Path, tmp_path: Path, freeze: str) -> None:
    error = refusal(tmp_path / "run", f"start_from={start}", f"freeze={freeze}")
    assert error.expected == "none, backbone, front_end or until_epoch:N"


def test_a_path_with_nothing_there(tmp_path: Path) -> None:
    error = refusal(tmp_path / "run", f"start_from={tmp_path / 'nowhere'}")
    assert isinstance(error, CheckpointError)
    assert error.found == f"nothing at start_from={tmp_path / 'nowhere'}"
    assert error.expected == "a .ckpt file or a finished run folder"
    assert not (tmp_path / "run").exists()


def test_a_run_that_has_not_finished(start: Path, tmp_path: Path) -> None:
    shutil.copytree(start / "checkpoints", tmp_path / "half" / "checkpoints")
    error = refusal(tmp_path / "run", f"start_from={tmp_path / 'half'}")
    assert "is not a finished run" in error.found


@pytest.mark.parametrize("kept", [0, 5000])
def test_a_truncated_file(start: Path, tmp_path: Path, kept: int) -> None:
    content = (start / "checkpoints" / "last.ckpt").read_bytes()
    (tmp_path / "half.ckpt").write_bytes(content[:kept])
    assert "half.ckpt cannot be read" in refusal(tmp_path / "run", f"start_from={tmp_path / 'half.ckpt'}").found


def test_a_reference_model(tmp_path: Path) -> None:
    train_quickly(tmp_path / "linear", "model=linear")
    error = refusal(tmp_path / "run", f"start_from={tmp_path / 'linear'}")
    assert "is a reference model" in error.found
    assert error.expected == "a run of a network"


def test_a_reference_model_with_a_start(start: Path, tmp_path: Path) -> None:
    error = refusal(tmp_path / "run", "model=linear", f"start_from={start}")
    assert "model=linear, which is no network" in error.found


def test_a_backbone_that_would_never_thaw(start: Path, tmp_path: Path) -> None:
    error = refusal(tmp_path / "run", f"start_from={start}", "freeze=until_epoch:3")  # of 3 epochs
    assert isinstance(error, ConfigurationError)
    assert error.found == "freeze=until_epoch:3 in a run of 3 epochs: the backbone would never thaw"
