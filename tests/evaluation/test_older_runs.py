"""Runs of earlier versions, which knew one class label and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from music_affect.errors import RunFolderError
from music_affect.evaluation.run_folder import read_run
from music_affect.evaluation.run_report import write_report

MakeRun = Callable[..., Path]


def test_the_report_of_an_older_run_is_that_of_a_new_one(older_run: MakeRun, finished_run: MakeRun) -> None:
    older = older_run()
    assert "targets" not in json.loads((older / "metrics.json").read_text())
    assert "predicted," in (older / "predictions.csv").read_text().splitlines()[0]
    assert write_report(older).read_text() == write_report(finished_run()).read_text()


def test_an_older_run_without_val_is_read(older_run: MakeRun) -> None:
    run = read_run(older_run(val=None))
    assert run.metrics["val"] is None
    assert run.predictions[0]["predicted genre"] in run.classes["genre"].classes


def test_what_an_older_run_lacks_is_named(older_run: MakeRun) -> None:
    with pytest.raises(RunFolderError, match="lacks references/linear/classification; expected"):
        read_run(older_run(references={"majority": {"clips": 1}}))


def test_the_old_column_is_asked_for(older_run: MakeRun) -> None:
    path = older_run() / "predictions.csv"
    path.write_text(path.read_text().replace("predicted", "answer", 1))
    with pytest.raises(RunFolderError, match="has no column predicted; expected"):
        read_run(path.parent)
