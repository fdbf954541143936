"""One run of a sweep: what is made, gone on with or left, and on which device."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from running import compose

from music_affect.configuration import build
from music_affect.contracts.errors import RunFolderError, TrainingError
from music_affect.runs import state as run_state
from music_affect.runs import writer as run_writer
from music_affect.sweep import device_lock, run_job
from music_affect.sweep.run_job import make_run
from music_affect.system import files

LAUNCHERS = {
    "basic": {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"},
    "joblib": {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher", "n_jobs": 2},
    "joblib_all": {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher", "n_jobs": -1},
    "local": {"_target_": "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher"},
}


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(device_lock, "machine_folder", lambda: tmp_path / "locks")
    return tmp_path / "locks"


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    import torch

    found: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", found.append)
    monkeypatch.setattr(run_job, "cores", lambda: 8)
    return found


@pytest.fixture(autouse=True)
def launcher() -> Iterator[None]:
    launched_by("basic")
    yield
    HydraConfig.instance().cfg = None


def launched_by(name: str) -> None:
    HydraConfig.instance().cfg = OmegaConf.create({"hydra": {"launcher": LAUNCHERS[name]}})  # type: ignore[assignment]


class Job:
    """Notes what it is called with; fails on demand."""

    def __init__(self, error: Exception | None = None) -> None:
        self.seen: list[dict[str, Any]] = []
        self._error = error

    def __call__(self, cfg: DictConfig, folder: Path) -> dict[str, Any]:
        self.seen.append({"resume": cfg.resume, "overwrite": cfg.overwrite, "devices": cfg.trainer.devices})
        if self._error is not None:
            raise self._error
        return {"score": 0.5}


def with_status(folder: Path, state: str, **more: Any) -> Path:
    folder.mkdir()
    files.write_json(folder / "status.json", {"state": state, **more})
    return folder


def test_a_new_run_is_made(tmp_path: Path) -> None:
    job = Job()
    assert make_run(compose("train"), tmp_path / "run", job) == 0.5
    assert job.seen == [{"resume": False, "overwrite": False, "devices": 1}]


def test_a_finished_run_gives_its_score_without_work(tmp_path: Path) -> None:
    folder = with_status(tmp_path / "run", "done")
    files.write_json(folder / "metrics.json", {"score": 0.7, "seconds": {"total": 3.0}})
    job = Job()
    assert make_run(compose("train"), folder, job) == 0.7
    assert job.seen == []
    assert run_state.state(folder) == run_state.State("done", score=0.7, seconds=3.0)


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    job = Job()
    make_run(compose("train"), with_status(tmp_path / "run", "running"), job)
    assert job.seen == [{"resume": True, "overwrite": False, "devices": 1}]


def test_a_run_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    from filelock import FileLock

    folder = with_status(tmp_path / "run", "running")
    job = Job()
    with FileLock(folder / ".lock"):
        assert math.isnan(make_run(compose("train"), folder, job))
    assert job.seen == []
    assert files.read_json(folder / "status.json")["state"] == "running"


def test_a_run_that_another_process_finished_while_it_waited_for_a_device_is_kept(
    tmp_path: Path, locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = with_status(tmp_path / "run", "failed", reason="no luck")

    @contextmanager
    def waited(cfg: DictConfig) -> Iterator[None]:
        files.write_json(folder / "metrics.json", {"score": 0.7})
        files.write_json(folder / "status.json", {"state": "done"})
        yield

    monkeypatch.setattr(run_job, "_resources", waited)
    job = Job()
    assert make_run(compose("train", "sweep.retry_failed=true"), folder, job) == 0.7
    assert job.seen == []
    run_writer.clear_failed(folder)
    assert run_state.state(folder) == run_state.State("done", score=0.7)


def test_a_failed_run_is_made_again_only_where_that_is_wanted(tmp_path: Path) -> None:
    folder = with_status(tmp_path / "run", "failed", reason="no luck")
    job = Job()
    assert math.isnan(make_run(compose("train"), folder, job))
    assert job.seen == []
    make_run(compose("train", "sweep.retry_failed=true"), folder, job)
    assert job.seen == [{"resume": False, "overwrite": False, "devices": 1}]
    assert [path.name for path in folder.iterdir() if path.name != ".lock"] == []


class UncompletedJobError(RuntimeError):
    """What submitit raises within a job that ran out of time for good."""

    __module__ = "submitit.core.utils"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(144), UncompletedJobError("timed-out")])
def test_a_run_that_somebody_stopped_is_cut_off_and_goes_on(tmp_path: Path, error: BaseException) -> None:
    def stopped(cfg: DictConfig, folder: Path) -> dict[str, Any]:
        with run_writer.claim(folder, build.plain(cfg), resume=cfg.resume, overwrite=cfg.overwrite):
            raise error

    for _ in range(2):
        with pytest.raises(type(error)):
            make_run(compose("train"), tmp_path / "run", stopped)
        assert run_state.state(tmp_path / "run") == run_state.State("cut off")


def test_a_run_that_another_process_takes_up_in_this_moment_has_not_failed(tmp_path: Path) -> None:
    def taken(cfg: DictConfig, folder: Path) -> dict[str, Any]:
        files.write_json(folder / "status.json", {"state": "running"})
        files.write_text(folder / "checkpoints" / "last.ckpt", "")
        with run_writer.claim(folder, build.plain(cfg), resume=cfg.resume, overwrite=cfg.overwrite):
            raise AssertionError("it is not ours")

    assert math.isnan(make_run(compose("train"), tmp_path / "run", taken))
    assert run_state.state(tmp_path / "run") == run_state.State("cut off")


@pytest.mark.parametrize(
    "error", [TrainingError("the loss is NaN", expected="numbers", fix="lower it"), ZeroDivisionError("division")]
)
def test_a_failure_is_recorded_and_does_not_spread(
    tmp_path: Path, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    assert math.isnan(make_run(compose("train"), folder, Job(error)))
    assert run_state.state(folder) == run_state.State("failed", reason=str(error))
    assert type(error).__name__ in (folder / "traceback.txt").read_text()
    told = capsys.readouterr().err
    assert ("Traceback" in told) == isinstance(error, ZeroDivisionError)  # a defect of ours shows where it is
    assert str(error) in told


def test_a_run_that_found_no_room_is_cut_off_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def full(cfg: DictConfig, folder: Path) -> dict[str, Any]:
        with run_writer.claim(folder, build.plain(cfg), resume=cfg.resume, overwrite=cfg.overwrite):
            raise OSError(errno.ENOSPC, "No space left on device", str(folder / "metrics.csv"))

    assert math.isnan(make_run(compose("train"), tmp_path / "run", full))
    assert run_state.state(tmp_path / "run").name == "cut off"
    assert "No space left" in run_state.state(tmp_path / "run").reason
    assert capsys.readouterr().err.count("\n") == 1
    job = Job()
    make_run(compose("train"), tmp_path / "run", job)
    assert job.seen == [{"resume": True, "overwrite": False, "devices": 1}]


@pytest.mark.parametrize(("accelerator", "devices"), [("gpu", [4]), ("cpu", 1)])
def test_a_run_gets_a_device_of_its_own(tmp_path: Path, locks: Path, accelerator: str, devices: object) -> None:
    cfg = compose("train", "sweep.devices=[3,4]", f"trainer.accelerator={accelerator}")
    job = Job()
    with device_lock.one_of(["device-3"], locks):
        make_run(cfg, tmp_path / "run", job)
    assert job.seen[0]["devices"] == devices


def test_two_shells_with_gpus_of_their_own_do_not_wait_for_each_other(
    tmp_path: Path, locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-5/0")
    job = Job()
    with device_lock.one_of(["device-0"], locks), device_lock.one_of(["device-2"], locks):
        make_run(compose("train", "sweep.devices=[0,1]", "trainer.accelerator=gpu"), tmp_path / "run", job)
    assert job.seen[0]["devices"] == [1]
    assert (locks / "device-GPU-5-0.lock").exists()


@pytest.mark.parametrize(
    ("launcher_name", "words", "expected"),
    [
        ("basic", [], []),
        ("joblib", [], [4]),
        ("joblib_all", [], [1]),
        ("local", [], [1]),
        ("local", ["sweep.at_once=2"], [4]),
        ("basic", ["sweep.at_once=16"], [1]),
    ],
)
def test_threads_are_divided_among_the_runs_of_a_machine(
    tmp_path: Path, threads: list[int], launcher_name: str, words: list[str], expected: list[int]
) -> None:
    launched_by(launcher_name)
    cfg = compose("train", f"paths.sweeps={tmp_path}", "sweep.name=one", *words)
    make_run(cfg, tmp_path / "run", Job())
    assert threads == expected


def test_settings_make_the_run_not_where_and_how_it_runs(tmp_path: Path) -> None:
    base = run_state.digest(compose("train"))
    same = ["resume=true", "workers=3", f"paths.outputs={tmp_path}", "sweep.retry_failed=true", "logger=tensorboard"]
    assert {run_state.digest(compose("train", word)) for word in same} == {base}
    other = ["seed=1", "features=mel", "optimizer.lr=1", "task=affect", "data.fold=0", "tag=again"]
    assert len({base, *(run_state.digest(compose("train", word)) for word in other)}) == len(other) + 1


def test_a_run_that_was_cut_off_goes_on_with_whichever_device_is_free(tmp_path: Path) -> None:
    def interrupted(cfg: DictConfig, folder: Path, device: int) -> None:
        cfg.trainer.devices = [device]
        with run_writer.claim(folder, build.plain(cfg), resume=device > 0, overwrite=False):
            raise KeyboardInterrupt

    for device in (0, 1):
        with pytest.raises(KeyboardInterrupt):
            interrupted(compose("train"), tmp_path / "run", device)
    other = compose("train", "trainer.max_epochs=3")
    with (
        pytest.raises(RunFolderError, match=r"trainer\.max_epochs"),
        run_writer.claim(tmp_path / "run", build.plain(other), resume=True, overwrite=False),
    ):
        pass
