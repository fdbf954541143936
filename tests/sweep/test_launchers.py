"""Jobs that a launcher starts, in processes, on a local Ray, as SLURM would: shares of a data set, runs of a sweep."""

from __future__ import annotations

from pathlib import Path

import pytest
from audio_files import write_music
from running import TINY, compose, entry_point, opened_cache, python_path

from music_affect import files
from music_affect.prepare import prepare

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
@pytest.mark.parametrize("launcher", sorted(LAUNCHERS))
def test_a_sweep_of_runs_goes_through_a_launcher(tmp_path: Path, launcher: str) -> None:
    """One of its cells fails, which neither ends the others nor hides."""
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
