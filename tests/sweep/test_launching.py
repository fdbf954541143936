"""Runs that are left after a launch: whose worker died, which another command makes, which nothing can help."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from omegaconf import OmegaConf

from music_affect.configuration.plan import Run
from music_affect.sweep import launching
from music_affect.system import files

WORKER = """
import time
from multiprocessing import get_context

def work():
    from music_affect.sweep import run_job

    run_job.WATCH = 0.01
    run_job._end_with_the_command()
    print("at work", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    get_context("spawn").Process(target=work).start()
"""


class TerminatedWorkerError(RuntimeError):
    """As joblib raises it."""

    __module__ = "joblib.externals.loky.process_executor"


class Launcher:
    """Launches as Hydra's launchers do.

    Args:
        launch: is given the runs' overrides, which are their digests here.
    """

    def __init__(self, launch: Callable[[list[str]], object]) -> None:
        self._launch = launch
        self.launched: list[list[str]] = []

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[Any]:
        self.launched.append([name for (name,) in job_overrides])
        self._launch(self.launched[-1])
        return []


class SubmititLauncher(Launcher):
    __module__ = "hydra_plugins.hydra_submitit_launcher.submitit_launcher"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(launching, "PATIENCE", 0.01)
    caplog.set_level("INFO")


def planned(folder: Path, *digests: str) -> list[Run]:
    return [Run([digest], OmegaConf.create(), folder / f"genre-cnn-s0-{digest}") for digest in digests]


def leave(run: Run, state: str) -> None:
    files.write_json(run.folder / "status.json", {"state": state})


def finish(runs: Sequence[Run], launch: Callable[[list[str]], object], kind: type[Launcher] = Launcher) -> Launcher:
    launcher: Any = kind(launch)
    launching.finish(runs, launcher)
    return launcher


def test_runs_of_a_killed_worker_go_on_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = runs = planned(tmp_path, "11111111", "22222222")

    def launch(names: list[str]) -> None:
        if first.state.name == "new":
            leave(first, "running")
            raise TerminatedWorkerError("a long story")
        leave(first, "done")
        leave(second, "failed")  # a failure is an end

    finish(runs, launch)
    assert caplog.messages == [
        "A process ended under its run (TerminatedWorkerError); it was killed, or had no memory or time left.",
        "Launched again: 2 of 2 runs are left.",
    ]
    assert "Traceback" not in capsys.readouterr().err


def test_what_kills_its_worker_twice_is_left_out_and_the_others_are_made(tmp_path: Path) -> None:
    deadly, other = runs = planned(tmp_path, "1e234567", "22222222")

    def launch(names: list[str]) -> None:
        if deadly.digest in names:
            leave(deadly, "running")
            raise TerminatedWorkerError
        leave(other, "done")

    assert finish(runs, launch).launched == [["1e234567", "22222222"], ["1e234567", "22222222"], ["22222222"]]
    assert [run.state.name for run in runs] == ["cut off", "done"]


def test_what_has_ended_is_not_launched(tmp_path: Path) -> None:
    runs = planned(tmp_path, "11111111", "22222222", "33333333", "44444444")
    for run, state in zip(runs, ("done", "failed", "running", "pruned"), strict=True):
        leave(run, state)
    launcher: Any = Launcher(lambda names: leave(runs[2], "done"))
    launching.finish(runs, launcher)
    assert launcher.launched == [["33333333"]]
    launching.finish(runs, launcher, retry_failed=True)
    launching.finish(runs[:1], launcher, retry_failed=True)
    assert launcher.launched == [["33333333"], ["22222222"]]


def test_a_run_of_another_command_is_waited_for_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (run,) = planned(tmp_path, "11111111")
    leave(run, "running")
    lock = FileLock(run.folder / ".lock")
    lock.acquire()
    monkeypatch.setattr(time, "sleep", lambda seconds: lock.release())  # the other one is killed
    assert finish([run], lambda names: leave(run, "done")).launched == [["11111111"]]
    assert caplog.messages[0] == "Waiting for what another process makes: 1 of 1 runs."


def test_a_defect_is_shown_and_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert len(finish(planned(tmp_path, "11111111"), lambda names: 1 / 0).launched) == 1
    assert caplog.messages == []
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_jobs_that_are_queued_somewhere_are_not_queued_twice(tmp_path: Path) -> None:
    assert len(finish(planned(tmp_path, "11111111"), lambda names: None, SubmititLauncher).launched) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="workers see the end of the command as Linux shows it")
def test_a_worker_does_not_outlive_a_killed_command(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    command = subprocess.Popen([sys.executable, tmp_path / "worker.py"], stdout=subprocess.PIPE, text=True)
    assert command.stdout is not None
    assert command.stdout.readline() == "at work\n"
    command.kill()
    command.wait()
    assert command.stdout.read() == ""  # its end comes only once the worker has closed it, too
