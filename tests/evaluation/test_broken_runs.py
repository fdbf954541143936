"""Run folders whose files hold anything at all: one line each, and the other runs are reported."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sweep_folders import GENRE, VALENCE, write_cell

from music_affect.contracts.errors import RunFolderError
from music_affect.evaluation.pooling import pool
from music_affect.evaluation.run_report import write_report
from music_affect.evaluation.sweep_report.contents import gather
from music_affect.evaluation.sweep_report.page import markdown
from music_affect.runs import state as run_state
from music_affect.runs.reader import DONE, find_runs, read_run

VALUES: list[Any] = [None, "text \ud800", [[[]]], {"a": 1}]
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [{', '.join([f'*{chr(97 + k)}'] * 9)}]\n" for k in range(12)
)
CONTENTS = {
    "nothing": "", "half": '{"a', "bytes": "\0\0", "aliases": BOMB, "itself": "a: &a {b: *a}", "deep": "[" * 100_000,
    "dates": "seed: 2020-01-01", "code": "!!python/object/apply:os.system [touch canary]", "keys": "? [a]\n: 2",
    "number": "5", "cell": "epoch\n" + "9" * 200_000, "ends": "epoch,x\ninf,1\n-1,1e999\n",
}  # fmt: skip
FILES = ("metrics.json", "status.json", "manifest.json", "config.yaml", "metrics.csv", "predictions.csv")


def variants(node: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Places in nested containers."""
    if place:
        yield place
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from variants(value, (*place, key))


def reported(folder: Path) -> str:
    return markdown(gather("a sweep", find_runs(folder)))


def complaint(action: Callable[[], object]) -> str:
    """What stands in the way, or nothing."""
    try:
        action()
    except RunFolderError as error:
        return str(error)
    return ""


def test_metrics_of_any_kind_are_one_line(tmp_path: Path) -> None:
    good = write_cell(tmp_path / "sweep" / "good", seed=1)
    whole = write_cell(tmp_path / "whole", targets=GENRE | VALENCE, task="joint")
    metrics = json.loads((whole / "metrics.json").read_text())
    for number, place in enumerate(variants(metrics)):
        for value in VALUES:
            changed = copy.deepcopy(metrics)
            node = changed
            for key in place[:-1]:
                node = node[key]
            node[place[-1]] = value
            run = shutil.copytree(whole, tmp_path / "sweep" / f"{number}-{VALUES.index(value)}")
            (run / "metrics.json").write_text(json.dumps(changed))
            run_state.state(run)
            assert "\n" not in complaint(partial(lambda run: pool([read_run(run)]), run))
    assert [run.state for run in find_runs(good)] == [DONE]
    assert "| cnn " in reported(tmp_path / "sweep")


@pytest.mark.parametrize("content", CONTENTS)
def test_files_of_any_content_are_one_line(content: str, tmp_path: Path) -> None:
    write_cell(tmp_path / "sweep" / "good", seed=1)
    run = write_cell(tmp_path / "sweep" / "bad")
    for name in FILES:
        kept = (run / name).read_bytes()
        (run / name).write_text(CONTENTS[content])
        run_state.state(run)
        assert "\n" not in complaint(lambda: pool([read_run(run)]).scores())
        assert "\n" not in complaint(lambda: write_report(run))
        assert "1 done" in (text := reported(tmp_path / "sweep")) or "2 done" in text
        (run / name).write_bytes(kept)


@pytest.mark.parametrize("folder", ["../outside", "/tmp", "..", "a/b", 5, None, ["x"], "\ud800"])
def test_a_plan_names_folders_of_its_own_sweep(folder: object, tmp_path: Path) -> None:
    write_cell(tmp_path / "sweep" / "good")
    write_cell(tmp_path / "outside")
    plan = {"cells": [{"folder": folder, "words": ["model=cnn"]}], "commands": []}
    (tmp_path / "sweep" / "sweep.json").write_text(json.dumps(plan))
    assert [run.path.name for run in find_runs(tmp_path / "sweep")] == ["good"]


def test_figures_stay_in_the_folder_of_the_run(tmp_path: Path) -> None:
    run = write_cell(tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    (run / "figures").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunFolderError, match="is a link out of the run's folder"):
        write_report(run)
    assert list((tmp_path / "elsewhere").iterdir()) == []
