"""Runs that are left after a launch: whose worker died, which another command makes, which nothing can help."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from filelock import FileLock
from omegaconf import OmegaConf

from music_affect import files
from music_affect.sweep import launching
from music_affect.sweep.plan import Cell

WORKER = """
import time
from multiprocessing import get_context

def work():
    from music_affect.sweep import cell_job

    cell_job.WATCH = 0.01
    cell_job._end_with_the_command()
    print("at work", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    get_context("spawn").Process(target=work).start()
"""


class TerminatedWorkerError(RuntimeError):
    """As joblib raises it."""

    __module__ = "joblib.externals.loky.process_executor"


@pytest.fixture(autouse=True)
def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command line."""
    monkeypatch.setattr(sys, "argv", ["train", "-m"])
    monkeypatch.setattr(launching, "PATIENCE", 0.01)
    return sys.argv


def planned(folder: Path, *digests: str) -> list[Cell]:
    return [Cell([], OmegaConf.create(), folder / f"genre-cnn-s0-{digest}") for digest in digests]


def leave(cell: Cell, state: str) -> None:
    files.write_json(cell.folder / "status.json", {"state": state})


def finish(cells: Sequence[Cell], launch: Callable[[], None], *, again: bool = True) -> list[str]:
    """What is told until the launches are over."""
    told: list[str] = []
    launching.finish(cells, launch, told.append, again=again)
    return told


def test_runs_of_a_killed_worker_go_on_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = cells = planned(tmp_path, "11111111", "22222222")

    def launch() -> None:
        if first.state.name == "new":
            leave(first, "running")
            raise TerminatedWorkerError("a long story")
        leave(first, "done")
        leave(second, "failed")  # a failure is an end

    assert finish(cells, launch) == [
        "A process ended under its run (TerminatedWorkerError); it was killed, or had no memory or time left.",
        "Launched again: 2 of 2 runs are left.",
    ]
    assert "Traceback" not in capsys.readouterr().err


def test_what_kills_its_worker_twice_is_left_out_and_the_others_are_made(tmp_path: Path, words: list[str]) -> None:
    deadly, other = cells = planned(tmp_path, "1e234567", "22222222")
    launches = []

    def launch() -> None:
        launches.append(list(words))
        if "+sweep.leave=['1e234567']" not in words:
            leave(deadly, "running")
            raise TerminatedWorkerError
        leave(other, "done")

    finish(cells, launch)
    assert len(launches) == launching.LAUNCHES
    assert [cell.state.name for cell in cells] == ["cut off", "done"]


def test_a_run_of_another_command_is_waited_for_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cell,) = planned(tmp_path, "11111111")
    leave(cell, "running")
    lock = FileLock(cell.folder / ".lock")
    lock.acquire()
    monkeypatch.setattr(time, "sleep", lambda seconds: lock.release())  # the other one is killed
    launches: list[str] = []

    def launch() -> None:
        launches.append(cell.state.name)
        if cell.state.name == "cut off":
            leave(cell, "done")

    told = finish([cell], launch)
    assert launches == ["running", "cut off"]
    assert told[0] == "Waiting for what another process makes: 1 of 1 runs."


def test_a_defect_is_shown_and_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    launches = []

    def launch() -> None:
        launches.append(1)
        raise ZeroDivisionError

    assert finish(planned(tmp_path, "11111111"), launch) == []
    assert len(launches) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_jobs_that_are_queued_somewhere_are_not_queued_twice(tmp_path: Path) -> None:
    launches: list[int] = []
    finish(planned(tmp_path, "11111111"), lambda: launches.append(1), again=False)
    assert launches == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="workers see the end of the command as Linux shows it")
def test_a_worker_does_not_outlive_a_killed_command(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    command = subprocess.Popen([sys.executable, tmp_path / "worker.py"], stdout=subprocess.PIPE, text=True)
    assert command.stdout is not None
    assert command.stdout.readline() == "at work\n"
    command.kill()
    command.wait()
    assert command.stdout.read() == ""  # its end comes only once the worker has closed it, too
