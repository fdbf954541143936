"""A grid by -m: known by its runs, gone on with after a kill, its failures seen and survived, its work shared."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig
from running import QUICK, python_path, train_command

from music_affect.contracts.errors import RunFolderError
from music_affect.sweep.memory import DropConfiguration
from music_affect.sweep.naming import claimed
from music_affect.system import files

BRIEF = [word for word in QUICK if not word.startswith(("trainer.max_epochs", "model="))]
GRID = [*BRIEF, "model=cnn_fast,majority", "features=mel,chroma", "trainer.max_epochs=2"]


def environment() -> dict[str, str]:
    """Of a process of its own."""
    return {**os.environ, "PYTHONPATH": python_path(), "OMP_NUM_THREADS": "1"}


def states(sweeps: Path) -> dict[str, str]:
    return {path.parent.name: files.read_json(path)["state"] for path in sweeps.rglob("status.json")}


def scores(sweeps: Path) -> dict[str, float]:
    """Deciding figure of every run by its folder, whose name is that of its settings."""
    return {path.parent.name: files.read_json(path)["score"] for path in sweeps.rglob("metrics.json")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished grid of four runs; not to be changed: copy it for that."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert train_command(folder, "-m", *GRID, "sweep.name=one") == 0
    return folder


def test_every_run_is_in_a_folder_of_its_settings(undisturbed: Path) -> None:
    assert set(states(undisturbed).values()) == {"done"}
    sweep = undisturbed / "multirun" / "one"
    names = sorted(path.name.rpartition("-")[0] for path in sweep.iterdir() if path.is_dir())
    assert names == sorted(f"genre-synthetic-{f}-{m}-s0" for f in ("mel", "chroma") for m in ("cnn_fast", "majority"))
    assert "majority" in (sweep / "report.html").read_text()


def test_a_finished_grid_is_not_made_again(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(undisturbed, tmp_path / "copy")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "copy").rglob("metrics.json")}
    assert train_command(tmp_path / "copy", "-m", *GRID, "sweep.resume=true", "sweep.dry_run=true") == 0
    assert "4 of 4 runs are finished." in capsys.readouterr().out
    assert train_command(tmp_path / "copy", "-m", *GRID, "sweep.resume=true") == 0
    told = capsys.readouterr().out
    assert told.count("done, before") == 4
    assert told.strip().endswith("4 done: multirun/one\nReport: multirun/one/report.html")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "copy").rglob("metrics.json")} == before


def test_configurations_of_runs_that_ended_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of runs in one process would fill its memory with them."""
    kept: list[JobReturn] = []

    def on_job_end(self: DropConfiguration, config: DictConfig, job_return: JobReturn) -> None:
        drop(self, config, job_return)
        kept.append(job_return)

    drop = DropConfiguration.on_job_end
    monkeypatch.setattr(DropConfiguration, "on_job_end", on_job_end)
    assert train_command(tmp_path, "-m", *BRIEF, "model=majority", "features=mel,chroma") == 0
    assert [one.status for one in kept] == [JobStatus.COMPLETED] * 2
    assert [(one.cfg, one.hydra_cfg) for one in kept] == [(None, None)] * 2


def test_another_sweeper_of_hydra_may_be_chosen(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run is known by its settings there, too."""
    shutil.copytree(undisturbed, tmp_path / "copy")
    before = scores(tmp_path / "copy")
    words = ["hydra/sweeper=basic", *BRIEF, "model=majority", "features=mel,chroma", "trainer.max_epochs=2"]
    assert train_command(tmp_path / "copy", "-m", *words, "sweep.name=one") == 0
    assert scores(tmp_path / "copy") == before
    assert train_command(tmp_path / "copy", "-m", "hydra/sweeper=basic", "seed=0,true") == 1
    assert "error: seed=true; expected a whole number" in capsys.readouterr().err


def test_more_runs_join_a_named_sweep_and_keep_the_others(
    undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(undisturbed, tmp_path / "copy")
    before = scores(tmp_path / "copy")
    more = [*BRIEF, "model=linear,majority", "features=mel", "trainer.max_epochs=2"]
    assert train_command(tmp_path / "copy", "-m", *more, "sweep.name=one") == 0
    after = scores(tmp_path / "copy")
    assert before.items() < after.items()
    assert len(after) == 5
    told = capsys.readouterr().out
    assert "1 of 1: model=linear: done" in told
    assert told.count("done, before") == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kills a group of processes")
def test_a_killed_grid_goes_on_to_the_same_figures(undisturbed: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "music_affect.train", "-m", *GRID]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + 200
    while "running" not in states(tmp_path).values() or not scores(tmp_path):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "running" in states(tmp_path).values()
    assert train_command(tmp_path, "-m", *GRID, "sweep.resume=true") == 0
    assert len(list((tmp_path / "multirun").glob("*/sweep.json"))) == 1
    found, expected = scores(tmp_path), scores(undisturbed)
    assert found.keys() == expected.keys()
    np.testing.assert_allclose([found[name] for name in expected], list(expected.values()), atol=1e-12)


def test_other_programs_that_use_hydra_import_nothing_of_the_package() -> None:
    """Hydra imports all sweepers of the environment whenever it starts."""
    code = "import sys, hydra_plugins.music_affect_sweeper; print('music_affect' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment())
    assert shown.stdout == "False\n"


def test_sweeps_that_start_within_a_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "strftime", lambda pattern: "now")
    assert [claimed(tmp_path) for _ in range(3)] == ["now", "now-2", "now-3"]
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"set paths\.sweeps"):
        claimed(tmp_path / "file")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sweep.dry_run=true"], "sweep.dry_run=true without a sweep; expected -m, a grid or a search"),
        (["-m", "sweep.devices=[0,99]", "trainer=gpu"], "error: sweep.devices=[0, 99] on a machine with"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_run(
    tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_command(tmp_path, *BRIEF[:-2], *words) == 1
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_failing_run_is_seen_and_the_others_finish(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-m", *BRIEF, "model=cnn_fast", "trainer.max_epochs=1", "optimizer.lr=1e30,1e-3"]  # the first one explodes
    words += ["trainer.gradient_clip_val=null", "scheduler=constant"]
    assert train_command(tmp_path, *words) == 1
    told = capsys.readouterr()
    assert "is not finite" in told.err
    assert sorted(states(tmp_path).values()) == ["done", "failed"]
    assert "1 done, 1 failed" in told.out or "1 failed, 1 done" in told.out
    assert "is not finite" in told.out[told.out.index("2 runs") :]  # the reason stands in the table
    (trace,) = (tmp_path / "multirun").rglob("traceback.txt")
    assert "TrainingError" in trace.read_text()

    assert train_command(tmp_path, *words, "sweep.resume=true") == 1
    assert "is not finite" not in capsys.readouterr().err  # it was not tried again
    assert train_command(tmp_path, *words, "sweep.resume=true", "sweep.retry_failed=true") == 1
    assert "is not finite" in capsys.readouterr().err


def test_a_run_that_cannot_even_start_fails_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*BRIEF, "model=majority", "task=genre", "task.target=genre,mood", "sweep.name=two"]
    assert train_command(tmp_path, "-m", *words) == 1
    assert sorted(states(tmp_path).values()) == ["done", "failed"]
    assert "needs the categorical label 'mood'" in capsys.readouterr().out


def test_a_sweep_makes_the_features_of_all_runs_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Full-rate and beat-synchronous features come from one pass over the files."""
    monkeypatch.setenv("MUSIC_AFFECT_CACHE", str(tmp_path / "cache"))
    words = [word for word in BRIEF if not word.startswith("data=")]
    words += ["data=synthetic,synthetic_beat", "features=mel,chroma", "model=majority", "data.source.num_clips=30"]
    assert train_command(tmp_path, "-m", *words) == 0
    journals = {path.parents[2].name: path.read_bytes().count(b"\n") for path in tmp_path.rglob("journal.jsonl")}
    assert sorted(journals.values()) == [30, 30]
    assert set(states(tmp_path).values()) == {"done"}
