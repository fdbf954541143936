"""What a sweep varied, and the commands that repeat its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from music_affect.evaluation.sweep_report.axes import axis_title, find_axes
from music_affect.evaluation.sweep_report.commands import repeat_command
from music_affect.evaluation.sweep_report.spelling import Spelling
from music_affect.runs.reader import DONE, RunFolder


def cell(command: str | None = None, name: str = "run", **config: Any) -> RunFolder:
    told = {key.replace("__", "."): value for key, value in config.items()}
    return RunFolder(Path(name), DONE, config=told, manifest={"command": command} if command else {})


def told(runs: list[RunFolder], key: str) -> list[str]:
    spelling = Spelling(runs)
    return [spelling(run, key) for run in runs]


def test_seeds_folds_and_places_are_no_axes() -> None:
    runs = [
        cell(seed=k, data__fold=k, run_name=str(k), paths__cache=str(k), data__root=str(k), model__name="cnn")
        for k in range(3)
    ]
    assert find_axes(runs) == []


def test_what_follows_from_the_model_is_no_axis() -> None:
    runs = [cell(model__name=name, model__net__width=width) for name, width in (("cnn", 3), ("ast", 9), ("cnn", 3))]
    assert find_axes(runs) == ["model.name"]


def test_a_setting_that_stands_in_two_places_is_told_once_as_the_command_told_it() -> None:
    rates = (0.1, 0.01)
    runs = [cell(model__name="cnn", optimizer__lr=rate, model__recipe__learning_rate=rate) for rate in rates]
    assert find_axes(runs) == ["optimizer.lr"]
    assert told(runs, "optimizer.lr") == ["0.1", "0.01"]
    asked = [
        cell(f"python -m train model.recipe.learning_rate={rate}", **{**run.config})
        for rate, run in zip(rates, runs, strict=True)
    ]
    assert find_axes(asked) == ["model.recipe.learning_rate"]


def test_a_group_that_some_leave_out_is_an_axis() -> None:
    runs = [cell(also=None), cell(also__name="more")]
    assert find_axes(runs) == ["also.name"]
    assert told(runs, "also.name") == ["none", "more"]


def test_a_setting_that_older_runs_do_not_know_is_no_difference() -> None:
    assert find_axes([cell(model__name="cnn"), cell(model__name="cnn", loader__new=1)]) == []


def test_a_start_is_told_without_its_seed_and_fold() -> None:
    starts = ["outputs/7-genre-cnn-s0-f0/checkpoints/last.ckpt", "outputs/genre-cnn-s1-f3", None]
    runs = [cell(start_from=start) for start in starts]
    assert find_axes(runs) == ["start_from"]
    assert told(runs, "start_from") == ["genre-cnn", "genre-cnn", "scratch"]
    others = [*runs, cell(start_from="older/genre-cnn-s0"), cell(start_from="weights/a.ckpt")]
    assert told(others, "start_from") == [*["outputs/genre-cnn"] * 2, "scratch", "older/genre-cnn", "a.ckpt"]


def test_titles() -> None:
    assert [axis_title(key) for key in ("model.name", "scheduler._target_", "optimizer.lr")] == [
        "model", "scheduler", "optimizer.lr"]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "values", "texts"),
    [
        ("labels", ["tabs/true.v1.csv", "tabs/shuffled.v1.csv"], ["true.v1.csv", "shuffled.v1.csv"]),
        ("weights", ["/x/a/weights", "/x/b/weights", "c/own"], ["a/weights", "b/weights", "own"]),
        ("weights", ["/a/w", "a/w", "w"], ['"/a/w"', '"a/w"', '"w"']),
        ("lr", [0.1, 0.1 + 1e-9, 1e-4], ["0.1", "0.100000001", "0.0001"]),
        ("limit", [1, 1.0, 0.5], ["1", "1.0", "0.5"]),
        ("tag", [None, "none", "null"], ["null", '"none"', '"null"']),
        ("scheduler._target_", ["a.b.constant", "a.cosine"], ["constant", "cosine"]),
        ("scheduler._target_", ["a.one.step", "a.two.step"], ["one.step", "two.step"]),
    ],
)
def test_values_are_told_as_short_as_tells_them_apart(key: str, values: list[object], texts: list[str]) -> None:
    assert told([RunFolder(Path("run"), DONE, config={key: value}) for value in values], key) == texts


def test_on_which_device_a_run_was_is_no_axis_and_on_how_many_is_one() -> None:
    runs = [cell(trainer__devices=devices) for devices in ([0], [1], 1)]
    assert find_axes(runs) == []
    assert find_axes([*runs, cell(trainer__devices=[0, 1])]) == ["trainer.devices"]


def test_whether_folds_were_tested_is_an_axis() -> None:
    runs = [cell(data__fold=fold) for fold in (None, 0, 1)]
    assert find_axes(runs) == ["test"]
    assert told(runs, "test") == ["hold-out", "folds", "folds"]
    cut_off = RunFolder(Path("run"), "unfinished", config={"model.name": "cnn"})
    assert find_axes([*runs[1:], cut_off]) == []


SWEEP = "python -m music_affect.train -m 'model=cnn,ast' 'optimizer.betas=[0.9,0.99],[0.8,0.9]' 'seed=0,1'"


def test_the_command_of_a_row_has_its_choice_of_each_list_and_all_its_seeds() -> None:
    runs = [cell(SWEEP, model__name="ast", optimizer__betas=[0.8, 0.9], seed=seed) for seed in (1, 0)]
    assert repeat_command(runs) == "python -m music_affect.train -m model=ast 'optimizer.betas=[0.8,0.9]' seed=0,1"
    assert repeat_command([cell(SWEEP, model__name="cnn", optimizer__betas=[0.9, 0.99], seed=1)]) == (
        "python -m music_affect.train model=cnn 'optimizer.betas=[0.9,0.99]' seed=1"
    )


def test_folds_are_listed_and_the_folder_of_one_run_is_not_repeated() -> None:
    command = "python -m music_affect.train data.fold={} seed=0 hydra.run.dir=/x/{} overwrite=true model=cnn"
    runs = [cell(command.format(fold, fold), seed=0, data__fold=fold) for fold in (10, 9)]
    assert repeat_command(runs) == "python -m music_affect.train -m model=cnn seed=0 data.fold=9,10"
    ranged = "python -m music_affect.train -m 'data.fold=range(0,5)' model=cnn"
    assert repeat_command([cell(ranged, seed=0, data__fold=4)]).endswith("train model=cnn seed=0 data.fold=4")


def test_runs_that_differ_in_more_are_told_by_the_first() -> None:
    command = "python -m music_affect.train model=cnn start_from=genre-f{}"
    runs = [cell(command.format(fold), data__fold=fold) for fold in range(3)]
    assert repeat_command(runs) == (
        "python -m music_affect.train model=cnn start_from=genre-f0 data.fold=0  "
        "# and 2 more, each with its own start_from"
    )


@pytest.mark.parametrize("command", [None, "a notebook", "python 'broken"])
def test_without_a_command_the_configuration_tells_it(command: str | None) -> None:
    run = cell(command, seed=4, model__name="cnn", task__name="genre")
    assert repeat_command([run]) == "python -m music_affect.train task=genre model=cnn seed=4"


def test_the_words_of_a_plan_come_before_the_command() -> None:
    words = ["model=ast", "seed=1", "sweep.resume=true", "hydra.sweep.dir=x"]
    run = RunFolder(Path("run"), DONE, config={"seed": 1}, manifest={"command": SWEEP}, words=words)
    assert repeat_command([run]) == "python -m music_affect.train model=ast seed=1"


def test_a_trial_of_a_search_is_repeated_by_the_values_that_it_was_given() -> None:
    command = "python -m music_affect.train hparams_search=default model=cnn search.trials=3"
    space = {
        "search.space.optimizer.lr.low": 1e-4,
        "search.space.loader.batch_size": [8, 16],
        "search.space.model": None,
    }
    run = RunFolder(
        Path("run"),
        DONE,
        config={"optimizer.lr": 0.002, "loader.batch_size": 8, **space},
        manifest={"command": command},
    )
    assert repeat_command([run]) == ("python -m music_affect.train model=cnn loader.batch_size=8 optimizer.lr=0.002")


def test_what_belongs_to_a_sweep_or_a_search_is_no_axis() -> None:
    assert find_axes([cell(search__trial=number, sweep__name=str(number)) for number in range(2)]) == []
    starts = [cell(start_from=f"x/genre-cnn-s0-f{fold}-0123abc{fold}") for fold in range(2)]
    assert find_axes(starts) == []
