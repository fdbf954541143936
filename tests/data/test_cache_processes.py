from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import counted_builds
import numpy as np
import pytest
from counted_builds import CountingReader, build, write_clips

PATIENCE = 60  # seconds after which a process that does not do its part fails the test


def start(*words: Path | int) -> subprocess.Popen[str]:
    """A build in a process of its own."""
    command = [sys.executable, counted_builds.__file__, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)


def journal(cache: Path) -> list[bytes]:
    path = cache / "parts" / "main" / "journal.jsonl"
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


def contents(cache: Path) -> dict[str, bytes]:
    found = [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(cache)): path.read_bytes() for path in found}


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


@pytest.mark.parametrize("done", [1, 17])
def test_killed_build_goes_on_where_it_stopped(tmp_path: Path, done: int) -> None:
    clips = write_clips(tmp_path / "clips", 40)
    expected = tmp_path / "expected"
    build(expected, clips, CountingReader(tmp_path / "other-log"))
    log, cache = CountingReader(tmp_path / "log"), tmp_path / "cache"

    process = start(cache, tmp_path / "clips", log.log, 1)
    wait_until(lambda: len(log.calls) > done)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    finished, begun = len(journal(cache)), len(log.calls)
    assert done <= finished <= begun < 40
    assert not (cache / "index.npz").exists()

    said: list[str] = []
    build(cache, clips, log, said)
    assert said[0] == f"{finished} of 40 clips are done already; going on with {40 - finished}."
    assert log.calls[begun:] == [clip.id for clip in clips[finished:]]
    assert contents(cache) == contents(expected)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_workers_write_the_same_cache_and_end_with_a_killed_build(tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "clips", 60)
    expected = tmp_path / "expected"
    build(expected, clips, CountingReader(tmp_path / "other-log"))
    log, cache = CountingReader(tmp_path / "log"), tmp_path / "cache"

    process = start(cache, tmp_path / "clips", log.log, 2)
    wait_until(lambda: len(journal(cache)) > 5)
    workers = [int(word) for word in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert len(workers) >= 2
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(alive, workers)))

    finished = len(journal(cache))
    log.log.unlink()
    assert build(cache, clips, log, workers=2).skip_counts == {"unreadable": 6}
    assert sorted(log.calls) == [clip.id for clip in clips[finished:]]
    assert contents(cache) == contents(expected)


def test_two_processes_make_one_cache_together(tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "clips", 30)
    log, cache, gate = CountingReader(tmp_path / "log"), tmp_path / "cache", tmp_path / "gate"
    words = (cache, tmp_path / "clips", log.log, 1, gate)
    first = start(*words)
    wait_until(lambda: bool(log.calls))  # it holds the lock and waits for the gate
    second = start(*words)
    assert second.stdout is not None
    assert second.stdout.readline() == f"Another process is building {cache / 'parts' / 'main'}; waiting for it.\n"
    gate.touch()
    reports = [process.communicate(timeout=PATIENCE)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert all("3 of 30 clips left out (3 unreadable)" in report for report in reports)
    assert log.calls == [clip.id for clip in clips]

    found = build(cache, clips, log)
    assert len(log.calls) == 30
    for name in found.ids:
        exact = np.load(tmp_path / "clips" / f"{name}.npy").astype(np.float16)
        np.testing.assert_array_equal(found.clip(name), exact)


def test_process_that_waits_takes_over_when_the_first_is_killed(tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "clips", 30)
    log, cache, gate = CountingReader(tmp_path / "log"), tmp_path / "cache", tmp_path / "gate"
    words = (cache, tmp_path / "clips", log.log, 1, gate)
    first = start(*words)
    wait_until(lambda: bool(log.calls))
    second = start(*words)
    assert second.stdout is not None
    assert "waiting for it" in second.stdout.readline()
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=PATIENCE)
    gate.touch()
    second.communicate(timeout=PATIENCE)
    assert second.returncode == 0
    assert log.calls == ["c000", *(clip.id for clip in clips)]
    assert build(cache, clips, log).skip_counts == {"unreadable": 3}
