"""Jobs that a launcher starts, in processes, on a local Ray, as SLURM would: shares of a data set, runs of a sweep."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from audio_files import write_music
from running import TINY, compose, entry_point, opened_cache, processes_of, python_path

from music_affect.prepare import prepare
from music_affect.system import files

BRIEF = [*TINY, "data=synthetic", "trainer=cpu"]
LAUNCHERS = {
    "joblib": ["hydra.launcher.n_jobs=2"],
    "submitit_local": ["hydra.launcher.timeout_min=5"],
    "ray": ["+hydra.launcher.ray.init.num_cpus=2", "+hydra.launcher.ray.init.include_dashboard=false"],
}


def contents(music: Path, data: str) -> dict[str, bytes]:
    """Frames of every clip that a run would find."""
    cache = opened_cache(music, data)
    return {name: cache.clip(name).tobytes() for name in cache.ids}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["submitit_local", "ray"])
def test_shares_make_the_cache_that_one_process_makes(
    tmp_path: Path, launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_music(tmp_path / "music", 9, seconds=1.5)
    (tmp_path / "music" / "broken.wav").write_bytes(b"RIFF")
    words = ["data=folder", f"data.root={tmp_path / 'music'}"]
    sweep = ["shards=2", "shard=range(0,2)", f"hydra/launcher={launcher}", *LAUNCHERS[launcher]]
    done = entry_point(
        "prepare",
        "-m",
        *words,
        *sweep,
        cwd=tmp_path,
        MUSIC_AFFECT_CACHE=str(tmp_path / "shared"),
        PYTHONPATH=python_path(),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    parts = {
        path.name
        for path in (tmp_path / "shared").glob("features/*/parts/*")
        if (path / "journal.jsonl").stat().st_size
    }
    assert parts == {"shard-0-of-2", "shard-1-of-2"}

    monkeypatch.setenv("MUSIC_AFFECT_CACHE", str(tmp_path / "shared"))
    shared = {data: contents(tmp_path / "music", data) for data in ("folder", "folder_beat")}
    again = prepare(compose("prepare", *words, "workers=1"))
    assert (again.made, again.present) == (0, 10)
    monkeypatch.setenv("MUSIC_AFFECT_CACHE", str(tmp_path / "alone"))
    prepare(compose("prepare", *words, "workers=1"))
    assert shared == {data: contents(tmp_path / "music", data) for data in ("folder", "folder_beat")}
    assert len(shared["folder"]) == 9


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
def test_a_job_that_the_cluster_queues_again_goes_on_from_its_last_epoch(tmp_path: Path) -> None:
    words = [*BRIEF, "model=cnn_fast", "trainer.max_epochs=20", "sweep.name=one", f"paths.sweeps={tmp_path}"]
    words += ["hydra/launcher=submitit_local", *LAUNCHERS["submitit_local"]]
    command = [sys.executable, "-m", "music_affect.train", "-m", *words]
    settings = {**os.environ, "PYTHONPATH": python_path(), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=tmp_path, env=settings, stdout=subprocess.DEVNULL) as process:
        while not list(tmp_path.rglob("last.ckpt")) and process.poll() is None:
            time.sleep(0.02)
        task = processes_of("submitit.core._submit", tmp_path)[0]
        os.kill(task, signal.SIGUSR2)  # as before the time is up, or another job needs the place
    assert process.returncode == 0
    (run,) = (path.parent for path in tmp_path.rglob("status.json"))
    assert files.read_json(run / "status.json")["state"] == "done"
    assert "resume: true" in (run / "config.yaml").read_text()
    assert [row["epoch"] for row in files.read_csv(run / "metrics.csv")] == [str(epoch) for epoch in range(20)]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "ray"])
def test_a_sweep_of_runs_goes_through_a_launcher(tmp_path: Path, launcher: str) -> None:
    """One of its runs fails, which neither ends the others nor hides."""
    words = ["model=majority", "task.target=genre,mood", *BRIEF, "sweep.name=one"]
    done = entry_point(
        "train",
        "-m",
        *words,
        f"hydra/launcher={launcher}",
        *LAUNCHERS[launcher],
        cwd=tmp_path,
        PYTHONPATH=python_path(),
    )
    states = {path.parent.name: files.read_json(path) for path in (tmp_path / "multirun" / "one").glob("*/status.json")}
    assert sorted(state["state"] for state in states.values()) == ["done", "failed"], done.stderr[-2000:]
    assert done.returncode == 1
    assert "needs the categorical label 'mood'" in done.stdout
    assert "1 done, 1 failed" in done.stdout or "1 failed, 1 done" in done.stdout
