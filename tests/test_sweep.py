"""A grid by -m: known by its cells, gone on with after a kill, its failures seen and survived, its work shared."""

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
from running import QUICK, entry_point

from music_affect import files

BRIEF = [word for word in QUICK if not word.startswith(("trainer.max_epochs", "model="))]
GRID = [*BRIEF, "model=cnn_fast,majority", "features=mel,chroma", "trainer.max_epochs=2"]


def states(sweeps: Path) -> dict[str, str]:
    return {path.parent.name: files.read_json(path)["state"] for path in sweeps.rglob("status.json")}


def scores(sweeps: Path) -> dict[str, float]:
    """Deciding figure of every run by its folder, whose name is that of its settings."""
    return {path.parent.name: files.read_json(path)["score"] for path in sweeps.rglob("metrics.json")}


def sweep(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    return entry_point("train", "-m", *words, cwd=folder, **environment)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A finished grid of four cells; not to be changed: copy it for that."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, sweep(folder, *GRID, "sweep.name=one")


@pytest.mark.slow
def test_a_grid_tells_every_cell_and_ends_in_a_table(
    undisturbed: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = undisturbed
    assert done.returncode == 0, done.stderr
    assert set(states(folder).values()) == {"done"}
    names = sorted(path.name.rpartition("-")[0] for path in (folder / "multirun" / "one").iterdir() if path.is_dir())
    assert names == sorted(f"genre-synthetic-{f}-{m}-s0" for f in ("mel", "chroma") for m in ("cnn_fast", "majority"))
    told = " ".join(done.stdout.split())
    for number in range(1, 5):
        assert f"{number} of 4: model=" in told
    assert "4 runs" in told
    assert told.endswith("4 done: multirun/one Report: multirun/one/report.html")
    assert "majority" in (folder / "multirun" / "one" / "report.html").read_text()


@pytest.mark.slow
def test_a_finished_grid_is_not_made_again(
    undisturbed: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    shutil.copytree(undisturbed[0], tmp_path / "copy")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "copy").rglob("metrics.json")}
    dry = sweep(tmp_path / "copy", *GRID, "sweep.resume=true", "sweep.dry_run=true")
    assert "4 of 4 runs are finished." in dry.stdout
    again = sweep(tmp_path / "copy", *GRID, "sweep.resume=true")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("done, before") == 4
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "copy").rglob("metrics.json")} == before


@pytest.mark.slow
def test_more_cells_join_a_named_sweep_and_keep_the_others(
    undisturbed: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    shutil.copytree(undisturbed[0], tmp_path / "copy")
    before = scores(tmp_path / "copy")
    more = [*BRIEF, "model=linear,majority", "features=mel", "trainer.max_epochs=2"]
    done = sweep(tmp_path / "copy", *more, "sweep.name=one")
    assert done.returncode == 0, done.stderr
    after = scores(tmp_path / "copy")
    assert before.items() < after.items()
    assert len(after) == 5
    assert done.stdout.count("done, before") == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kills a group of processes")
def test_a_killed_grid_goes_on_to_the_same_figures(
    undisturbed: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "music_affect.train", "-m", *GRID]
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=tmp_path, env=settings, stdout=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 200
    while list(states(tmp_path).values()).count("running") < 1 or len(scores(tmp_path)) < 1:
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    killed = states(tmp_path)
    assert "running" in killed.values()
    done = sweep(tmp_path, *GRID, "sweep.resume=true")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "multirun").glob("*/sweep.json"))) == 1
    found, expected = scores(tmp_path), scores(undisturbed[0])
    assert found.keys() == expected.keys()
    np.testing.assert_allclose([found[name] for name in expected], list(expected.values()), atol=1e-12)


@pytest.mark.slow
def test_a_failing_cell_is_seen_and_the_others_finish(tmp_path: Path) -> None:
    words = [*BRIEF, "model=cnn_fast", "trainer.max_epochs=1", "optimizer.lr=1e30,1e-3"]  # the first cell explodes
    words += ["trainer.gradient_clip_val=null", "scheduler=constant"]
    done = sweep(tmp_path, *words)
    assert done.returncode == 1
    assert "is not finite" in done.stderr
    assert sorted(states(tmp_path).values()) == ["done", "failed"]
    assert "1 done, 1 failed" in done.stdout or "1 failed, 1 done" in done.stdout
    assert "is not finite" in done.stdout[done.stdout.index("2 runs") :]  # the reason stands in the table
    (trace,) = (tmp_path / "multirun").rglob("traceback.txt")
    assert "TrainingError" in trace.read_text()
    again = sweep(tmp_path, *words, "sweep.resume=true")
    assert again.returncode == 1
    assert "is not finite" not in again.stderr  # it was not tried again
    failed = trace.parent / "status.json"
    before = files.read_json(failed)["time"]
    time.sleep(1.1)  # the state's time counts seconds
    retried = sweep(tmp_path, *words, "sweep.resume=true", "sweep.retry_failed=true")
    assert retried.returncode == 1
    assert files.read_json(failed)["time"] != before


@pytest.mark.slow
def test_a_cell_that_cannot_even_start_fails_alone(tmp_path: Path) -> None:
    words = [*BRIEF, "model=majority", "task=genre", "task.target=genre,mood", "sweep.name=two"]
    done = sweep(tmp_path, *words)
    assert done.returncode == 1
    assert sorted(states(tmp_path).values()) == ["done", "failed"]
    assert "needs the categorical label 'mood'" in done.stdout
