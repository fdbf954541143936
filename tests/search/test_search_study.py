"""Ask and tell: repeatable, the same after a kill, every setting tried once, hopeless trials stopped."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from running import python_path

from music_affect.contracts.errors import RunFolderError
from music_affect.sweep.search import space as spaces
from music_affect.sweep.search.result import Result, state
from music_affect.sweep.search.study import JOURNAL, Study, opened
from music_affect.sweep.search.trial import TrialReport, make_pruner

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

AXES = {"optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True}, "loader.batch_size": [8, 16]}
TRIALS = 12
HERE = Path(__file__).parent


def worth(trial: FrozenTrial) -> float:
    """Best at a rate of .01 and batches of 16."""
    return -abs(math.log10(trial.params["optimizer.lr"]) + 2) - (trial.params["loader.batch_size"] == "8")


def made(folder: Path, *, trials: int = TRIALS, at_once: int = 1, die_at: int | None = None, seed: int = 0) -> Result:
    """A search for the best of ``worth``, in a process that kills itself while it runs a trial."""
    with opened(folder, spaces.distributions(AXES), mode="max", seed=seed, startup_trials=4) as study:
        for batch in study.batches(trials, at_once):
            if die_at is not None and batch[-1].number >= die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            for trial in batch:
                study.record(trial.number, "done", worth(trial))
        return Result(study, "max", "val/f1_macro")


def fresh(folder: Path) -> Study:
    folder.mkdir(parents=True, exist_ok=True)
    return Study(folder / JOURNAL, spaces.distributions(AXES), mode="max", seed=0, startup_trials=4)


def outcomes(result: Result) -> list[tuple[Any, ...]]:
    """The trials, best first."""
    return [(one.number, one.state, one.value, one.params) for one in result.trials]


def test_a_search_is_repeatable_and_its_seed_matters(tmp_path: Path) -> None:
    first, again, other = made(tmp_path / "a"), made(tmp_path / "b"), made(tmp_path / "c", seed=1)
    assert len(first.trials) == TRIALS
    assert outcomes(first) == outcomes(again)
    assert not any(one.params == two.params for one in first.trials for two in other.trials)
    assert first.best is not None
    assert first.best.value == max(one.value for one in first.trials if one.value is not None)


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_search_killed_at_any_trial_ends_like_one_that_was_not(tmp_path: Path, at_once: int) -> None:
    whole = made(tmp_path / "whole", at_once=at_once)
    for die_at in (0, 5):
        code = f"from pathlib import Path; from test_search_study import made; made(Path({str(tmp_path / 'cut')!r}), "
        code += f"at_once={at_once}, die_at={die_at})"
        killed = subprocess.run(
            [sys.executable, "-c", code], check=False, env={**os.environ, "PYTHONPATH": python_path(HERE, HERE.parent)}
        )
        assert killed.returncode == -signal.SIGKILL
    left = fresh(tmp_path / "cut")
    assert 5 <= len(left.trials) < TRIALS
    assert left.unfinished
    assert outcomes(made(tmp_path / "cut", at_once=at_once)) == outcomes(whole)


def test_what_was_cut_off_in_the_middle_of_a_line_or_of_a_proposal_is_made_up_for(tmp_path: Path) -> None:
    whole = made(tmp_path / "whole", trials=6)
    made(tmp_path / "cut", trials=3)
    fresh(tmp_path / "cut").optuna.ask()  # a trial without its settings
    with (tmp_path / "cut" / JOURNAL).open("ab") as stream:
        stream.write(b'{"op_code": 4, "wor')
    found = made(tmp_path / "cut", trials=6)
    assert [one.params for one in found.trials] == [one.params for one in whole.trials]
    assert found.counts == "6 done"


def test_more_trials_are_added_to_a_finished_search(tmp_path: Path) -> None:
    made(tmp_path / "a", trials=4)
    assert outcomes(made(tmp_path / "a", trials=7)) == outcomes(made(tmp_path / "b", trials=7))


def test_one_process_at_a_time(tmp_path: Path) -> None:
    space = spaces.distributions(AXES)
    with (
        opened(tmp_path, space, mode="max", seed=0, startup_trials=4),
        pytest.raises(RunFolderError, match="another process runs the search"),
        opened(tmp_path, space, mode="max", seed=0, startup_trials=4),
    ):
        pass


def test_a_trial_that_falls_behind_is_told_to_stop_and_counts_as_stopped(tmp_path: Path) -> None:
    study = fresh(tmp_path)
    curves = [[0.5, 0.6, 0.7], [0.4, 0.6, 0.8], [0.1, 0.1, 0.1], [0.6, 0.7, 0.8]]
    pruner = make_pruner("median", grace_epochs=2, startup_trials=2, epochs=3)
    for (trial,) in study.batches(4, 1):
        report = TrialReport(tmp_path / JOURNAL, trial.number, pruner)
        curve = curves[trial.number]
        stopped = any(report(epoch, value) for epoch, value in enumerate(curve, 1))
        study.record(trial.number, "pruned" if stopped else "done", math.nan if stopped else max(curve))
    result = Result(study, "max", "val/f1_macro")
    assert {one.number: (state(one), one.last_step) for one in result.trials} == {
        0: ("done", 3),
        1: ("done", 3),
        2: ("pruned", 2),
        3: ("done", 3),
    }
    assert result.counts == "3 done, 1 pruned"


def test_a_run_without_a_usable_figure_has_failed(tmp_path: Path) -> None:
    study = fresh(tmp_path)
    for (trial,) in study.batches(2, 1):
        study.record(trial.number, ["done", "failed"][trial.number], math.nan)
    assert Result(study, "max", "val/f1_macro").counts == "2 failed"


def test_optuna_itself_opens_the_study(tmp_path: Path) -> None:
    made(tmp_path, trials=2)
    command = [sys.executable, "-c", "from optuna.cli import main; main()", "trials", "--study-name", "search"]
    command += ["--storage", str(tmp_path / JOURNAL)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True)
    assert shown.stdout.count("COMPLETE") == 2


@pytest.mark.parametrize(("pruner", "stopped"), [("none", False), ("hyperband", True)])
def test_other_pruners(tmp_path: Path, pruner: str, stopped: bool) -> None:
    study = fresh(tmp_path)
    ends = []
    for trial in next(study.batches(9, 9)):
        chosen = make_pruner(pruner, grace_epochs=1, startup_trials=0, epochs=9)
        report = TrialReport(tmp_path / JOURNAL, trial.number, chosen)
        quality = 1 - trial.number / 10  # each worse than those before
        ends.append(any(report(epoch, quality) for epoch in range(1, 10)))
    assert not ends[0]
    assert any(ends) == stopped


def test_what_is_written_of_a_search(tmp_path: Path) -> None:
    result = made(tmp_path)
    result.write(tmp_path, "python -m music_affect.train -m optimizer.lr=1")
    lines = (tmp_path / "trials.csv").read_text().splitlines()
    assert lines[0] == "trial,state,val/f1_macro,epochs,loader.batch_size,optimizer.lr"
    assert [line.split(",")[0] for line in lines[1:]] == [str(number) for number in range(TRIALS)]
    best = (tmp_path / "best.yaml").read_text()
    assert result.best is not None
    assert best.startswith("# python -m music_affect.train -m optimizer.lr=1\n")
    assert all(f"  - {word}\n" in best for word in spaces.overrides(result.best.params))
    assert set(result.importance) == set(AXES)
    assert sum(result.importance.values()) == pytest.approx(1)
