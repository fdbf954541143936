"""Several kinds of features in one pass, and shares of the clips made by different processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shared_builds
from counted_builds import write_clips
from shared_builds import KINDS, Kind, OnePass, folder_of, make, opened

from music_affect.contracts.errors import CacheError
from music_affect.data.cache.work import Share
from music_affect.data.source import Clip

COUNT = 30
PATIENCE = 60  # seconds after which a process that does not do its part fails the test


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    return write_clips(tmp_path / "clips", COUNT)


@pytest.fixture
def extract(tmp_path: Path) -> OnePass:
    return OnePass(tmp_path / "log")


def calls(extract: OnePass) -> list[str]:
    return extract.log.read_text().splitlines() if extract.log.exists() else []


def check(caches: Path, clips: list[Clip], kind: Kind) -> None:
    cache = opened(caches, clips, kind)
    assert cache.ids == [clip.id for clip in clips if not clip.id.endswith("9")]
    for name in cache.ids:
        exact = np.load(clips[0].path.parent / f"{name}.npy") * np.float32(kind.factor)
        np.testing.assert_array_equal(cache.clip(name), exact.astype(np.float16))


def test_one_pass_makes_all_kinds(tmp_path: Path, clips: list[Clip], extract: OnePass) -> None:
    account, said = make(tmp_path, clips, extract)
    assert calls(extract) == [f"{clip.id} 12" for clip in clips]
    assert (account.clips, account.made, account.skipped, account.present) == (COUNT, 27, {"unreadable": 3}, 0)
    frames = {clip.id: len(np.load(clip.path)) for clip in clips if not clip.id.endswith("9")}
    assert account.audio_seconds == pytest.approx(sum(frames.values()) / 10)
    assert said == []
    for kind in KINDS:
        check(tmp_path, clips, kind)
        cache = opened(tmp_path, clips, kind)
        assert cache.remark_counts == {"short": sum(length < 5 for length in frames.values())}
        assert cache.seconds == pytest.approx(account.audio_seconds)


def test_kind_that_is_there_is_not_made_again(tmp_path: Path, clips: list[Clip], extract: OnePass) -> None:
    make(tmp_path, clips[:20], OnePass(extract.log, KINDS[:1]))
    extract.log.unlink()
    account, said = make(tmp_path, clips, extract)
    assert calls(extract) == [f"{clip.id} {'2' if place < 20 else '12'}" for place, clip in enumerate(clips)]
    assert account.made == 27
    for kind in KINDS:
        check(tmp_path, clips, kind)
    extract.log.unlink()
    account, said = make(tmp_path, clips, extract)
    assert (calls(extract), said, account.made, account.present) == ([], [], 0, COUNT)


@pytest.mark.parametrize("of", [2, 5])
def test_shares_are_disjoint_and_join_to_the_whole(
    tmp_path: Path, clips: list[Clip], extract: OnePass, of: int
) -> None:
    for number in range(of):
        with pytest.raises(CacheError, match=r"nothing is there|files are new or changed since"):
            opened(tmp_path, clips, KINDS[0])
        account, _ = make(tmp_path, clips, extract, Share(number, of))
        assert 0 < account.clips < COUNT
    assert sorted(calls(extract)) == [f"{clip.id} 12" for clip in clips]
    for kind in KINDS:
        check(tmp_path, clips, kind)
        parts = {path.name for path in (folder_of(tmp_path, kind) / "parts").iterdir()}
        assert parts == {f"shard-{number}-of-{of}" for number in range(of)}


def test_the_whole_makes_what_the_shares_left(tmp_path: Path, clips: list[Clip], extract: OnePass) -> None:
    account, _ = make(tmp_path, clips, extract, Share(1, 3))
    done = account.clips
    account, said = make(tmp_path, clips, extract)
    assert said == [f"{done} of {COUNT} clips are done already; going on with {COUNT - done}."]
    assert (account.clips, account.present) == (COUNT, done)
    assert sorted(calls(extract)) == [f"{clip.id} 12" for clip in clips]
    check(tmp_path, clips, KINDS[1])


def test_unusable_clips_are_read_again_where_that_is_wanted(
    tmp_path: Path, clips: list[Clip], extract: OnePass
) -> None:
    make(tmp_path, clips, extract)
    extract.log.unlink()
    make(tmp_path, clips, extract)
    assert calls(extract) == []
    account, _ = make(tmp_path, clips, extract, retry=True)
    assert calls(extract) == ["c009 12", "c019 12", "c029 12"]
    assert (account.made, account.present, account.skipped) == (0, 27, {"unreadable": 3})
    check(tmp_path, clips, KINDS[0])


def start(tmp_path: Path, number: int, of: int, gate: Path) -> subprocess.Popen[str]:
    words = (tmp_path, tmp_path / "clips", tmp_path / "log", number, of, gate)
    command = [sys.executable, shared_builds.__file__, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_shares_work_side_by_side_and_the_whole_waits_for_them(
    tmp_path: Path, clips: list[Clip], extract: OnePass
) -> None:
    gate = tmp_path / "gate"
    shares = [start(tmp_path, number, 2, gate) for number in range(2)]
    wait_until(lambda: len(calls(extract)) == 2)  # both are at their first clip: neither waits for the other
    whole = start(tmp_path, 0, 1, gate)
    assert whole.stdout is not None
    waiting = folder_of(tmp_path, KINDS[0]) / "parts" / "shard-0-of-2"
    assert whole.stdout.readline() == f"Another process is building {waiting}; waiting for it.\n"
    gate.touch()
    for process in (*shares, whole):
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    assert Counter(calls(extract)) == Counter(f"{clip.id} 12" for clip in clips)
    for kind in KINDS:
        check(tmp_path, clips, kind)


def test_share_waits_for_a_process_that_makes_everything(tmp_path: Path, clips: list[Clip], extract: OnePass) -> None:
    gate = tmp_path / "gate"
    whole = start(tmp_path, 0, 1, gate)
    wait_until(lambda: len(calls(extract)) == 1)
    share = start(tmp_path, 1, 2, gate)
    assert share.stdout is not None
    waiting = folder_of(tmp_path, KINDS[0]) / "parts" / "main"
    assert share.stdout.readline() == f"Another process is building {waiting}; waiting for it.\n"
    gate.touch()
    for process in (whole, share):
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    assert Counter(calls(extract)) == Counter(f"{clip.id} 12" for clip in clips)
