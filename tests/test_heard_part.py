"""A checkpoint hears that part of other files that it was trained on, unless the command line says otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from audio_files import write_music
from running import compose, train_quickly

from music_affect.evaluate import main as evaluate_main
from music_affect.predict import main as predict_main
from music_affect.system import files
from music_affect.train import train

Command = Callable[..., None]
TRAINED = {"position": "spread", "seconds": 1.2, "windows": 2, "min_seconds": 0}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips of two classes, three seconds each. Not to be changed."""
    folder = tmp_path_factory.mktemp("heard")
    splits, classes = ("train", "train", "test", "test"), ("jazz", "rock") * 2
    rows = [[path.name, *cells] for path, *cells in zip(write_music(folder, 4), splits, classes, strict=True)]
    files.write_csv(folder / "labels.csv", ["path", "split", "genre"], rows)
    return folder


@pytest.fixture(scope="module")
def run(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained on two windows of every file. Not to be changed."""
    words = [f"data.selection.{name}={value}" for name, value in TRAINED.items()]
    about = ["data=folder", f"data.root={music}", "model=majority", "trainer=cpu", "workers=1"]
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(compose("train", *about, *words), folder)
    return folder


@pytest.fixture
def cache(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, for what is extracted after the training."""
    monkeypatch.setenv("MUSIC_AFFECT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


@pytest.fixture
def command(run: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """An entry point, as from a command line that names the run."""

    def call(main: Callable[[], None], *words: str, checkpoint: Path = run) -> None:
        monkeypatch.setattr(sys, "argv", ["…", f"checkpoint={checkpoint}", "workers=1", "accelerator=cpu", *words])
        monkeypatch.setenv("COLUMNS", "300")
        main()

    return call


def heard(cache: Path) -> dict[str, Any]:
    """Which part of each file was extracted."""
    (identity,) = cache.glob("*/identity.json")
    selection: dict[str, Any] = files.read_json(identity)["settings"]["selection"]
    return selection


@pytest.mark.parametrize("main", [predict_main, evaluate_main])
def test_other_data_is_heard_as_in_training(
    main: Callable[[], None], command: Command, music: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(main, "data=folder", f"data.root={music}")
    assert heard(cache) == TRAINED
    told = (
        "Used of each file: 2 windows of 1.2 s, as in training (not the middle 60 s, which is the data's own setting)."
    )
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("main", [predict_main, evaluate_main])
def test_the_command_line_is_followed_and_both_parts_are_told(
    main: Callable[[], None], command: Command, music: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(main, "data=folder", f"data.root={music}", "data.selection.position=start", "data.selection.seconds=2")
    assert heard(cache) == {"position": "start", "seconds": 2, "windows": 1, "min_seconds": 0}
    told = "the first 2 s, as data.selection says; the checkpoint was trained on 2 windows of 1.2 s."
    assert told in capsys.readouterr().out


def test_how_short_a_file_may_be_is_the_datas_own_setting(
    command: Command, music: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(predict_main, "data=folder", f"data.root={music}", "data.selection.min_seconds=0.5")
    assert heard(cache) == TRAINED | {"min_seconds": 0.5}
    assert "2 windows of 1.2 s, as in training" in capsys.readouterr().out


def test_its_own_data_is_not_spoken_of(command: Command, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(evaluate_main)
    assert heard(cache) == TRAINED
    assert "Used of each file" not in capsys.readouterr().out


def test_a_checkpoint_that_names_no_part_leaves_the_datas_own(
    command: Command, music: Path, tmp_path: Path, tiny_corpus: Path, request: pytest.FixtureRequest
) -> None:
    train_quickly(tmp_path / "run", "model=majority", "data.source.num_clips=40")
    cache = request.getfixturevalue("cache")  # only now: the corpus is in that of the session
    command(predict_main, "data=folder", f"data.root={music}", checkpoint=tmp_path / "run")
    assert (heard(cache)["position"], heard(cache)["seconds"]) == ("middle", 60)
