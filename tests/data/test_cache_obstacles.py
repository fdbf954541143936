"""Clips that cannot be read for a while, files that change places, and clips that take the whole process with them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from counted_builds import CountingReader, write_clips
from logged import logged
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError, DataNotFoundError, InstallationError
from music_affect.data.cache import builder as cache_builder
from music_affect.data.cache.builder import build, open_or_build
from music_affect.data.cache.features import FeatureCache
from music_affect.data.cache.identity import Identity
from music_affect.data.cache.index import SKIPPED
from music_affect.data.cache.work import BuildSummary, Share
from music_affect.data.folder import FolderSource
from music_affect.data.reader import Answer, ExtractAudio, Extracted
from music_affect.data.source import Clip
from music_affect.system import compilation, files

ONLY = "c003"  # the clip that something happens to


@dataclass(frozen=True)
class Found:
    """Features of a clip."""

    values: NDArray[np.float32]
    seconds: float = 1.0
    remarks: tuple[str, ...] = ()


@dataclass
class Obstacle:
    """Features that are the clip's number; one clip meets with an exception or another mishap.

    Args:
        of: what happens at that clip; nothing where None.
    """

    of: ClipError | type[MemoryError] | str | None = None
    calls: list[str] = field(default_factory=list)

    def __call__(self, clip: Clip, wanted: Sequence[int]) -> list[Answer]:
        self.calls.append(clip.id)
        if clip.id == ONLY and isinstance(self.of, ClipError):
            return [self.of for _ in wanted]
        if clip.id == ONLY and self.of == "death":
            os._exit(9)
        if clip.id == ONLY and self.of == "lost":
            shutil.rmtree(clip.path.parent)
            return [ClipError("missing", "no such file") for _ in wanted]
        if clip.id == ONLY and self.of is not None:
            raise MemoryError
        made: Extracted = Found(np.full((3, 4), int(clip.path.stem[1:]), np.float32))
        return [made for _ in wanted]


class Dying:
    """Ends its process at one file."""

    def prepare(self) -> None:
        pass

    def __call__(self, path: Path, wanted: Sequence[int] | None = None) -> list[Answer]:
        if path.stem == ONLY:
            os._exit(9)
        return [Found(np.zeros((3, 4), np.float32)) for _ in wanted or ()]


def built(
    cache: Path, clips: list[Clip], extract: Obstacle, retry: bool = False, share: Share | None = None
) -> BuildSummary:
    kind = CountingReader(cache.with_suffix(".log"))
    more = {} if share is None else {"share": share}
    return build([(cache, kind)], clips, extract, workers=1, retry=retry, **more)


def opened(cache: Path, clips: list[Clip]) -> FeatureCache:
    return FeatureCache(cache, Identity.of(clips, CountingReader(cache)))


def opened_for_training(cache: Path, clips: list[Clip], extract: Obstacle) -> tuple[FeatureCache, list[str]]:
    with logged() as said:
        return open_or_build(cache, clips, CountingReader(cache), extract, workers=1), said


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    return write_clips(tmp_path / "clips", 6)


def test_a_retry_that_succeeds_counts(tmp_path: Path, clips: list[Clip]) -> None:
    assert built(tmp_path / "cache", clips, Obstacle(ClipError("unreadable", "?"))).skipped == {"unreadable": 1}
    again = built(tmp_path / "cache", clips, Obstacle())
    assert (again.made, again.present, again.unusable) == (0, 6, 1)
    assert built(tmp_path / "cache", clips, Obstacle(), retry=True).made == 1
    assert ONLY in opened(tmp_path / "cache", clips).position
    assert opened(tmp_path / "cache", clips).skipped == []
    idle = Obstacle()
    assert built(tmp_path / "cache", clips, idle, retry=True).made == 0
    assert idle.calls == []


def test_what_a_share_read_in_the_end_counts_more_than_what_another_could_not(
    tmp_path: Path, clips: list[Clip]
) -> None:
    built(tmp_path / "cache", clips, Obstacle(ClipError("unreadable", "?")))
    for number in range(2):
        built(tmp_path / "cache", clips, Obstacle(), retry=True, share=Share(number, 2))
    assert ONLY in opened(tmp_path / "cache", clips).position


def test_what_is_no_fault_of_the_file_is_tried_again_once_it_is_gone(
    tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, said = opened_for_training(tmp_path / "cache", clips, Obstacle(ClipError("not readable now", "a mount")))
    assert cache.skip_counts == {"not readable now": 1}
    assert "retry=true" in said[-1]
    monkeypatch.setattr("music_affect.data.cache.skips.os.access", lambda *_: False)
    idle = Obstacle()
    opened_for_training(tmp_path / "cache", clips, idle)
    assert idle.calls == []
    monkeypatch.undo()
    mended = Obstacle()
    cache, _ = opened_for_training(tmp_path / "cache", clips, mended)
    assert mended.calls == [ONLY]
    assert len(cache.ids) == 6


def test_a_file_that_can_be_opened_again_is_read_again(tmp_path: Path, clips: list[Clip]) -> None:
    built(tmp_path / "cache", clips, Obstacle(ClipError("not readable now", "Permission denied")))
    assert built(tmp_path / "cache", clips, Obstacle()).made == 1


def test_a_folder_that_is_lost_ends_the_build_and_spoils_nothing(tmp_path: Path, clips: list[Clip]) -> None:
    shutil.copytree(tmp_path / "clips", tmp_path / "kept", copy_function=shutil.copy2)
    with pytest.raises(DataNotFoundError, match="is gone while its files are read"):
        built(tmp_path / "cache", clips, Obstacle("lost"))
    (tmp_path / "kept").rename(tmp_path / "clips")
    account = built(tmp_path / "cache", clips, Obstacle())
    assert (account.made, account.present, account.unusable) == (3, 3, 0)


def test_files_that_change_names_take_their_features_along(tmp_path: Path, clips: list[Clip]) -> None:
    first, second = clips[0].path, clips[1].path
    for path in (first, second):
        path.write_bytes(bytes(100))
        os.utime(path, ns=(10**18, 10**18))
    built(tmp_path / "cache", clips, Obstacle())
    swapped = [Clip(clips[0].id, second), Clip(clips[1].id, first), *clips[2:]]
    built(tmp_path / "cache", swapped, Obstacle())
    cache = opened(tmp_path / "cache", swapped)
    assert [cache.clip(clip.id)[0, 0] for clip in swapped] == [1, 0, 2, 3, 4, 5]


def test_a_clip_that_needs_too_much_memory_costs_itself_alone(tmp_path: Path, clips: list[Clip]) -> None:
    assert built(tmp_path / "cache", clips, Obstacle(MemoryError)).skipped == {"no memory": 1}
    assert len(opened(tmp_path / "cache", clips).ids) == 5


@pytest.mark.slow
def test_a_clip_that_ended_the_process_gets_one_of_its_own(tmp_path: Path, clips: list[Clip]) -> None:
    code = f"from test_cache_obstacles import *; built(Path({str(tmp_path / 'cache')!r}), "
    code += f"write_clips(Path({str(tmp_path / 'clips')!r}), 6), Obstacle('death'))"
    paths = os.pathsep.join([*sys.path])
    dead = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths}, check=False)
    assert dead.returncode == 9
    clips = write_clips(tmp_path / "clips", 6)
    account = built(tmp_path / "cache", clips, Obstacle("death"))
    assert account.skipped == {"crashed the reader": 1}
    assert account.made == 5


@pytest.mark.slow
def test_a_clip_that_was_blamed_for_a_crash_is_tried_once_again(tmp_path: Path, clips: list[Clip]) -> None:
    blamed = Obstacle(ClipError("crashed the reader", "reading it ended the process"))
    built(tmp_path / "one", clips, blamed)
    cache, _ = opened_for_training(tmp_path / "one", clips, Obstacle())
    assert len(cache.ids) == 6, "it was not its fault"

    built(tmp_path / "other", clips, blamed)
    cache, _ = opened_for_training(tmp_path / "other", clips, Obstacle("death"))
    assert cache.skip_counts == {"crashed the reader again": 1}
    idle = Obstacle()
    _, said = opened_for_training(tmp_path / "other", clips, idle)
    assert idle.calls == [], "it would cost every run a process"
    assert "retry=true" in said[-1]
    assert built(tmp_path / "other", clips, Obstacle(), retry=True).made == 1


def test_a_cache_that_cannot_be_written_is_used_as_it_is(
    tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    built(tmp_path / "cache", clips, Obstacle(ClipError("crashed the reader", "?")))
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    cache, _ = opened_for_training(tmp_path / "cache", clips, Obstacle())
    assert len(cache.ids) == 5


def test_a_broken_installation_is_never_a_clips_fault(
    tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise InstallationError("all of it fails", expected="none", fix="install it anew")

    monkeypatch.setattr(compilation, "folder", lambda: None)
    monkeypatch.setattr(compilation, "heal", broken)
    built(tmp_path / "cache", clips[:2], Obstacle())
    for _ in range(2):
        (tmp_path / "cache" / "parts" / "main" / "reading").write_text(ONLY)  # what a process leaves that died of it
        with pytest.raises(InstallationError):
            build(
                [(tmp_path / "cache", CountingReader(tmp_path))],
                clips,
                ExtractAudio(Dying()),
                workers=1,
            )
    account = built(tmp_path / "cache", clips, Obstacle())
    assert (account.skipped, account.unusable) == ({}, 0)


def test_a_finished_cache_needs_no_right_to_write(
    tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    built(tmp_path / "cache", clips, Obstacle())
    monkeypatch.setattr(cache_builder, "exclusively", None)
    assert built(tmp_path / "cache", clips, Obstacle()).present == 6


def test_a_lost_report_of_the_unusable_is_written_again(tmp_path: Path, clips: list[Clip]) -> None:
    odd = [*clips[:3], Clip(ONLY, tmp_path / "clips" / "c\r3.npy"), *clips[4:]]
    built(tmp_path / "cache", odd, Obstacle(ClipError("unreadable", "?")))
    (tmp_path / "cache" / SKIPPED).unlink()
    cache, _ = opened_for_training(tmp_path / "cache", odd, Obstacle())
    assert [(skip.id, skip.path) for skip in cache.skipped] == [(ONLY, str(odd[3].path))]


def test_a_table_keeps_every_line_end_in_its_cells(tmp_path: Path) -> None:
    rows = [["1", "a\rb"], ["2", "a\nb"], ["3", "a\r\nb"], ["4", 'a"b,c']]
    files.write_csv(tmp_path / "table.csv", ["id", "path"], rows)
    assert [list(row.values()) for row in files.read_csv(tmp_path / "table.csv")] == rows


def test_one_folder_has_one_cache_however_it_is_written(tmp_path: Path) -> None:
    write_clips(tmp_path / "clips", 1)
    (tmp_path / "link").symlink_to(tmp_path / "clips")
    ways = [tmp_path / "clips", tmp_path / "link", tmp_path / "clips" / ".." / "clips"]
    assert {FolderSource(way, labels=None).root for way in ways} == {(tmp_path / "clips").resolve()}
