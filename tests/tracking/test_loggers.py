"""Loggers of any kind over a run: dropped where they fail, ended with its status, chosen by configuration alone."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import CSVLogger, Logger
from logged_runs import WORDS
from running import QUICK, compose, train_command, train_quickly

from music_affect.configuration import build
from music_affect.contracts.errors import ConfigurationError
from music_affect.system.files import read_json
from music_affect.training.loggers import opened

PEER = '''
"""A logger that somebody has written for Lightning."""
import json, pathlib
from lightning.pytorch.loggers import Logger

class Notebook(Logger):
    def __init__(self, save_dir, words, fails=False):
        self.file, self.words, self.fails = pathlib.Path(save_dir) / "notebook.jsonl", words, fails
        assert type(words) is list

    name, version = "notebook", "1"

    def note(self, **entry):
        with self.file.open("a") as file:
            print(json.dumps(entry), file=file)

    def log_hyperparams(self, params):
        self.note(model=params["model"]["name"], words=self.words)

    def log_metrics(self, metrics, step=None):
        self.note(step=step, **metrics)
        if self.fails:
            raise OSError("no space left on device")

    def finalize(self, status):
        self.note(status=status)
'''


class Recorder(Logger):
    """Remembers what it is asked, and fails where it is told to."""

    name, version = "recorder", 0  # type: ignore[assignment]

    def __init__(self, fails: tuple[str, ...] = ()) -> None:
        self.asked: list[str] = []
        self._fails = fails

    def _note(self, name: str) -> None:
        self.asked.append(name)
        if name in self._fails:
            raise OSError("no space left\non device")

    @property
    def experiment(self) -> None:
        self._note("experiment")

    def log_hyperparams(self, params: Any, *given: Any, **settings: Any) -> None:
        self._note("settings")

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self._note(f"metrics {step}")

    def finalize(self, status: str) -> None:
        self._note(status)


def test_a_logger_that_fails_is_dropped_in_one_line(lines: list[str]) -> None:
    broken, sound = Recorder(fails=("metrics 1", "success")), Recorder()
    with opened([broken, sound], {}) as loggers:
        assert loggers == [broken, sound]
        assert isinstance(loggers[0], Recorder)
        for step in range(4):
            for logger in loggers:
                logger.log_metrics({}, step)
    assert broken.asked == ["experiment", "settings", "metrics 0", "metrics 1", "success"]
    assert sound.asked == ["experiment", "settings", *(f"metrics {step}" for step in range(4)), "success"]
    assert lines == ["Recorder failed (no space left on device): the run goes on without it."]


def test_a_logger_that_cannot_be_opened_is_left_out(lines: list[str]) -> None:
    absent = Recorder(fails=("experiment",))
    with opened([absent], {}) as loggers:
        assert loggers == []
    assert len(lines) == 1


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_run_s_status_is_the_last_word_whatever_lightning_finalises_before(error: type[BaseException]) -> None:
    logger = Recorder()

    def run() -> None:
        with opened([logger], {}):
            logger.finalize("success")  # Lightning, after fit
            logger.log_metrics({}, 9)  # the report
            raise error

    with pytest.raises(error):
        run()
    assert logger.asked[-2:] == ["metrics 9", "failed"]
    logger.finalize("success")
    assert logger.asked[-1] == "success"  # outside of a run it is as it was


def test_only_the_first_process_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    from lightning.pytorch.utilities.rank_zero import rank_zero_only

    logger = Recorder()
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    with opened([logger], {}):
        logger.log_metrics({}, 0)
    assert logger.asked == ["experiment"]


def test_a_logger_in_use_can_be_sent_to_another_process() -> None:
    logger = Recorder()
    with opened([logger], {}):
        copy = pickle.loads(pickle.dumps(logger))
        copy.log_metrics({}, 5)
    assert copy.asked[-1] == "metrics 5"


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A logger in a module of the working folder, and the words that choose it."""
    (tmp_path / "peer.py").write_text(PEER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "peer", raising=False)
    own = ["+logger.peer._target_=peer.Notebook", "+logger.peer.save_dir=${paths.run}", "+logger.peer.words=[a,b]"]
    return [*WORDS, *own]


def notes(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "notebook.jsonl").read_text().splitlines()]


def test_a_logger_of_somebody_else_works_by_configuration_alone(tmp_path: Path, peer: list[str]) -> None:
    train_quickly(tmp_path / "run", *peer)
    settings, *figures, end = notes(tmp_path / "run")
    assert settings == {"model": "cnn_fast", "words": ["a", "b"]}
    assert [row["epoch"] for row in figures if "train/loss" in row] == [0, 1]
    assert figures[-1]["score"] == read_json(tmp_path / "run" / "metrics.json")["score"]
    assert end == {"status": "success"}


def test_it_may_break_down_in_the_first_epoch(tmp_path: Path, peer: list[str], lines: list[str]) -> None:
    metrics = train_quickly(tmp_path / "run", *peer, "+logger.peer.fails=true")
    assert metrics["status"] == "done"
    assert [next(iter(row)) for row in notes(tmp_path / "run")] == ["model", "step", "status"]
    assert lines == ["Notebook failed (no space left on device): the run goes on without it."]


def test_a_logger_that_is_not_installed_is_one_line_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_command(tmp_path, *QUICK, "+logger.aim._target_=nowhere.AimLogger") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: logger.aim: nowhere.AimLogger cannot be built with these settings (")
    assert "No module named 'nowhere'" in error


@pytest.mark.parametrize(
    ("choice", "names"), [("none", []), ("csv", ["csv"]), ("[csv,tensorboard]", ["csv", "tensorboard"])]
)
def test_files_stand_alone_or_side_by_side(tmp_path: Path, choice: str, names: list[str]) -> None:
    cfg = compose("train", f"logger={choice}", f"paths.run={tmp_path}")
    assert sorted(cfg.logger or {}) == names
    found = build.loggers(cfg)
    assert len(found) == len(names)
    assert isinstance(found[0], CSVLogger) if names else True


def test_an_unknown_one_of_several_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_command(tmp_path, "logger=[csv,tensorbord]") == 1
    assert "did you mean 'tensorboard'" in capsys.readouterr().err


def test_a_logger_without_a_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"logger\.mine names no class"):
        train_quickly(tmp_path / "run", "+logger.mine.project=a")
