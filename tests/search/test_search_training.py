"""A search over real runs: refused where it would mislead, stopped and gone on with, judged by the validation part."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from running import TINY, compose, python_path, train_command

from music_affect.configuration import build
from music_affect.configuration import compose as configuration
from music_affect.configuration.plan import plan
from music_affect.contracts.errors import MusicAffectError, TrainingError
from music_affect.sweep.search import space as spaces
from music_affect.sweep.search.command import ABOUT, about, run_search, validation
from music_affect.sweep.search.identity import command_for
from music_affect.sweep.search.study import JOURNAL, Study
from music_affect.sweep.search.trial import TrialReport, make_pruner
from music_affect.system import files
from music_affect.train import train
from music_affect.training.callbacks.pruning import PrunedError

RUN = [*TINY, "model=mlp", "data=synthetic", "trainer=cpu", "trainer.max_epochs=6"]
SEARCH = ["hparams_search=full_rate", "search.space.loader=null", "search.trials=3", "search.startup_trials=2"]


class Launcher:
    """Launches as Hydra's launchers do.

    Args:
        run: is given the folder of each run.
    """

    def __init__(self, run: Callable[[Path], object]) -> None:
        self._run = run
        self.launched: list[str] = []

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        for overrides in job_overrides:
            (found,) = plan("train", overrides)
            self.launched.append(found.folder.name)
            self._run(found.folder)
        return []


def never(folder: Path) -> None:
    raise AssertionError("no run should have started")


def searched(words: Sequence[str], run: Callable[[Path], object]) -> int:
    """A search with these words whose runs are made by a function; its exit code."""
    launcher: Any = Launcher(run)
    return run_search(configuration.check_overrides("train", words), launcher, words)


def refused(*words: str) -> str:
    """What a search with these words is answered."""
    with pytest.raises(MusicAffectError) as caught:
        searched(words, never)
    return str(caught.value)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["data.fold=0"], "no validation part .* never those of the test part; add split.val_fraction=0.2"),
        (["optimizer=adam,sgd"], "optimizer=adam,sgd beside hparams_search"),
        (["sweep.retry_failed=true"], "sweep.retry_failed=true beside hparams_search"),
        (["optimizer.lr=1e-3"], "optimizer.lr is both given and searched for"),
        (["+search.space.model.net.dropuot=[0.1,0.2]"], "did you mean 'model.net.dropout'"),
        (["+search.space.optimizer_=[adam,sgd]"], "unknown setting 'optimizer_', did you mean 'optimizer'"),
        (["+search.space.scheduler=[cosine,stepp]"], "scheduler=stepp, did you mean 'step'"),
        (["search.space.loader.crop_beats=[8,12]"], "loader.crop_beats, which changes nothing with data=synthetic"),
        (["search.trials=0"], "search.trials=0; expected a whole number from 1 to 1000000"),
        (["search.at_once=0"], "search.at_once=0"),
        (["search.pruner=hyperbnad"], "did you mean 'hyperband'"),
        (
            ["search.space.loader.crop_beats=null", "+search.space.loader.windows=[1,2.5]"],
            "loader.windows=2.5; expected",
        ),
        (["search.space.loader.crop_beats=null", "search.space.model.net.dropout.high=1.5"], "dropout=1.5; expected"),
    ],
)
def test_what_would_mislead_is_refused_before_any_run(words: list[str], told: str) -> None:
    assert re.search(told, refused(*RUN, *SEARCH[:1], *words))


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "pip install 'music_affect[search]'" in refused(*RUN, *SEARCH)


def test_a_search_is_not_mixed_with_another(tmp_path: Path) -> None:
    words = [*RUN, *SEARCH, f"paths.sweeps={tmp_path}", "sweep.name=a"]
    first = configuration.check_overrides("train", words)
    axes = spaces.axes(build.plain(first.search.space))
    files.write_json(tmp_path / "a" / ABOUT, about(first, axes))
    assert "holds a search; expected a new folder; add sweep.resume=true" in refused(*words)
    other = refused(*words, "sweep.resume=true", "search.space.optimizer.lr.high=0.5")
    assert re.search(r"was started with search.space.optimizer.lr=.*0.01.* and this command says .*0.5", other)
    assert "model.name=mlp and this command says cnn" in refused(*words, "sweep.resume=true", "model=cnn")


def test_the_command_that_trains_what_was_found() -> None:
    words = [*SEARCH, "model=mlp", "split.val_fraction=0.2", "seed=3", "sweep.name=a", "hydra/launcher=joblib"]
    words += ["+search.space.model.recipe.epochs=[10,20]", "+hydra.launcher.n_jobs=2"]
    assert " 'hydra.searchpath=[mine]' " in command_for([*words, "hydra.searchpath=[mine]"], ["optimizer.lr=0.01"])
    assert command_for(words, ["optimizer.lr=0.01"]) == (
        "python -m music_affect.train -m model=mlp optimizer.lr=0.01 'seed=range(0,5)'"
    )


@pytest.mark.parametrize(("mode", "value"), [("max", 0.75), ("min", 0.25)])
def test_a_trial_is_worth_its_best_epoch_on_the_validation_part(tmp_path: Path, mode: str, value: float) -> None:
    rows = [[0, 0.99, 0.25], [1, 0.01, 0.75], [2, 0.5, "nan"], [3, 0.5, ""]]
    files.write_csv(tmp_path / "metrics.csv", ["epoch", "train/f1", "val/f1"], rows)
    assert validation(tmp_path, "val/f1", mode) == value


@pytest.fixture
def others(tmp_path: Path) -> Any:
    """A study in which two trials have had this figure after every epoch, and a third is to run."""

    def made(figure: float) -> list[str]:
        space = spaces.distributions({"optimizer.lr": {"low": 1e-9, "high": 1e-2, "log": True}})
        study = Study(tmp_path / JOURNAL, space, mode="max", seed=0, startup_trials=2)
        for (trial,) in study.batches(2, 1):
            pruner = make_pruner("none", grace_epochs=0, startup_trials=0, epochs=6)
            report = TrialReport(tmp_path / JOURNAL, trial.number, pruner)
            assert not any(report(epoch, figure) for epoch in range(1, 7))
            study.record(trial.number, "done", figure)
        next(study.batches(3, 1))
        return ["search.trial=2", f"search.study={tmp_path / JOURNAL}", "search.grace_epochs=2"]

    return made


@pytest.mark.slow
def test_a_hopeless_run_is_stopped_in_training_and_is_no_failure(tmp_path: Path, others: Any) -> None:
    words = [*RUN, *SEARCH, *others(0.9), "optimizer.lr=1e-9"]
    with pytest.raises(PrunedError, match="stopped after 2 epochs"):
        train(compose("train", *words), tmp_path / "run")
    assert files.read_json(tmp_path / "run" / "status.json")["state"] == "pruned"
    assert len(files.read_csv(tmp_path / "run" / "metrics.csv")) == 2
    assert not (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.slow
def test_a_good_run_is_not_stopped(tmp_path: Path, others: Any) -> None:
    words = [*RUN, *SEARCH, *others(0.0), "optimizer.lr=1e-2"]
    assert train(compose("train", *words), tmp_path / "run")["status"] == "done"
    assert len(files.read_csv(tmp_path / "run" / "metrics.csv")) == 6


def results(sweep: Path) -> tuple[str, str, set[str]]:
    """What a search has found, and the folders of its runs."""
    best = (sweep / "best.yaml").read_text()
    return (sweep / "trials.csv").read_text(), best, {path.parent.name for path in sweep.glob("*/status.json")}


@pytest.mark.slow
def test_a_search_killed_in_a_run_ends_like_one_that_was_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*RUN, *SEARCH, "search.pruner=none", f"paths.sweeps={tmp_path}"]
    command = [sys.executable, "-m", "music_affect.train", *words, "sweep.name=cut"]
    environment = {**os.environ, "PYTHONPATH": python_path(), "OMP_NUM_THREADS": "1"}
    cut = tmp_path / "cut"
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while len(list(cut.glob("*/checkpoints/last.ckpt"))) < 2 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (cut / "trials.csv").exists()

    # Without its name: it is found by what it searches.
    again = [*words, "sweep.resume=true"]
    assert train_command(tmp_path, *again) == 0
    told = capsys.readouterr().out
    assert "1 of 3: trial 0" not in told
    assert "3 of 3: trial 2 done" in told
    assert "What it is worth" in told
    assert train_command(tmp_path, *words, "sweep.name=whole") == 0
    assert results(cut) == results(tmp_path / "whole")


def finished(folder: Path) -> None:
    """Leaves a finished run in a folder."""
    files.write_csv(folder / "metrics.csv", ["epoch", "val/f1_macro"], [[0, 0.5]])
    files.write_json(folder / "metrics.json", {"score": 0.5})
    files.write_json(folder / "status.json", {"state": "done"})


def failed(folder: Path) -> None:
    files.write_json(folder / "status.json", {"state": "failed", "reason": "no luck"})


def test_a_search_of_which_every_trial_fails_says_so(tmp_path: Path) -> None:
    words = [*RUN, *SEARCH, f"paths.sweeps={tmp_path}", "search.trials=2"]
    with pytest.raises(TrainingError, match=r"none of the 2 trials of the search came to an end \(2 failed\)"):
        searched(words, failed)


def test_the_same_settings_are_run_once(tmp_path: Path) -> None:
    launcher: Any = Launcher(lambda folder: (finished if len(launcher.launched) == 1 else failed)(folder))
    space = ["optimizer=null", "model=null", "loader.crop_seconds=null", "loader.batch_size=[8,16]"]
    words = [*RUN, SEARCH[0], *(f"search.space.{axis}" for axis in space), "search.trials=6", "search.at_once=3"]
    words += [f"paths.sweeps={tmp_path}", "sweep.name=a"]
    assert run_search(configuration.check_overrides("train", words), launcher, words) == 0
    assert len(launcher.launched) == len(set(launcher.launched)) == 2
    states = [row["state"] for row in files.read_csv(tmp_path / "a" / "trials.csv")]
    assert len(states) == 6
    assert set(states) == {"done", "failed"}


def interrupted(folder: Path) -> None:
    raise KeyboardInterrupt


class TerminatedWorkerError(RuntimeError):
    """As joblib raises it."""

    __module__ = "joblib.externals.loky.process_executor"


def killed(folder: Path) -> None:
    raise TerminatedWorkerError("a long story")


@pytest.mark.parametrize(
    ("run", "code", "told"),
    [
        (interrupted, 130, "Interrupted; the same command with sweep.resume=true goes on."),
        (killed, 1, "Not all trials are finished; the same command with sweep.resume=true goes on."),
    ],
)
def test_a_search_that_was_cut_off_says_how_it_goes_on(
    tmp_path: Path,
    run: Callable[[Path], object],
    code: int,
    told: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("INFO")
    words = [*RUN, *SEARCH, f"paths.sweeps={tmp_path}", "sweep.name=a"]
    assert searched(words, run) == code
    assert caplog.messages[-1] == told
    assert searched([*words, "sweep.dry_run=true", "sweep.resume=true"], never) == 0
    assert "3 of 3 trials are still to run" in capsys.readouterr().out
