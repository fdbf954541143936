from __future__ import annotations

import csv
import errno
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from counted_builds import CountingReader, build, write_clips
from numpy.typing import NDArray

from music_affect.contracts.errors import CacheError, ClipError
from music_affect.data.cache.features import FeatureCache, cache_folder
from music_affect.data.cache.identity import Identity
from music_affect.data.source import Clip

COUNT = 20


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    return write_clips(tmp_path / "clips", COUNT)


@pytest.fixture
def reader(tmp_path: Path) -> CountingReader:
    return CountingReader(tmp_path / "log")


def contents(cache: Path) -> dict[str, bytes]:
    found = [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(cache)): path.read_bytes() for path in found}


def frames_of(cache: FeatureCache) -> NDArray[np.float16]:
    """The frames of all clips, one after the other."""
    return np.concatenate([cache.clip(name) for name in cache.ids])


def check_content(cache: FeatureCache, clips: list[Clip], reader: CountingReader) -> None:
    """Every readable clip is in the cache with its own frames, every other in the report."""
    for clip in clips:
        try:
            expected = reader(clip.path)
        except ClipError:
            assert clip.id not in cache.position
            assert clip.id in {skip.id for skip in cache.skipped}
            continue
        found = cache.clip(clip.id)
        assert found.dtype == np.float16
        assert cache.lengths[cache.position[clip.id]] == len(expected)
        np.testing.assert_array_equal(found, expected.astype(np.float16))


def test_content_is_what_the_reader_gives_within_float16(
    tmp_path: Path, clips: list[Clip], reader: CountingReader
) -> None:
    cache = build(tmp_path / "cache", clips, reader)
    assert len(reader.calls) == COUNT
    assert cache.ids == [clip.id for clip in clips if clip.id not in ("c009", "c019")]
    assert (cache.num_features, cache.lengths.sum()) == (4, len(frames_of(cache)))
    check_content(cache, clips, reader)
    loud = np.linspace(-80, 0, 9999, dtype=np.float32)
    assert np.abs(loud.astype(np.float16) - loud).max() < 0.04


def test_second_opening_reads_nothing(tmp_path: Path, clips: list[Clip], reader: CountingReader) -> None:
    first = build(tmp_path / "cache", clips, reader)
    before = contents(tmp_path / "cache")
    said: list[str] = []
    second = build(tmp_path / "cache", clips, reader, said)
    assert len(reader.calls) == COUNT
    assert contents(tmp_path / "cache") == before
    assert second.identity.fingerprint == first.identity.fingerprint
    assert [line.split(" (")[0] for line in said] == [f"2 of {COUNT} clips left out"]


def test_copies_are_known_under_any_name(tmp_path: Path, clips: list[Clip], reader: CountingReader) -> None:
    copy = Clip("a copy", tmp_path / "elsewhere.npy")
    copy.path.write_bytes(clips[3].path.read_bytes())
    shorter = Clip("shorter", tmp_path / "shorter.npy")
    np.save(shorter.path, np.load(clips[3].path)[:-1])
    cache = build(tmp_path / "cache", [*clips, copy, shorter], reader)
    digests = dict(zip(cache.ids, cache.digests.tolist(), strict=True))
    assert digests["a copy"] == digests["c003"]
    assert len(set(digests.values())) == len(digests) - 1
    assert cache.digests_of([shorter, copy]).tolist() == [digests["shorter"], digests["a copy"]]
    assert build(tmp_path / "other", clips, reader).digests_of([clips[3]])[0] == digests["c003"], "of any cache"


def test_order_of_the_table_does_not_matter(tmp_path: Path, clips: list[Clip], reader: CountingReader) -> None:
    one = build(tmp_path / "cache", clips, reader)
    other = build(tmp_path / "other", clips[::-1], reader)
    assert other.identity.fingerprint == one.identity.fingerprint
    assert other.ids == one.ids
    np.testing.assert_array_equal(frames_of(other), frames_of(one))
    assert len(reader.calls) == 2 * COUNT
    build(tmp_path / "cache", clips[::-1], reader)
    assert len(reader.calls) == 2 * COUNT


def touch(clips: list[Clip]) -> None:
    os.utime(clips[3].path, ns=(0, 0))


def grow(clips: list[Clip]) -> None:
    with clips[3].path.open("ab") as stream:
        stream.write(b"more")


def remove(clips: list[Clip]) -> None:
    clips[3].path.unlink()


@pytest.mark.parametrize("change", [touch, grow, remove])
def test_only_a_changed_file_is_read_again(
    tmp_path: Path, clips: list[Clip], reader: CountingReader, change: Callable[[list[Clip]], None]
) -> None:
    build(tmp_path / "cache", clips, reader)
    change(clips)
    with pytest.raises(CacheError) as caught:
        FeatureCache(tmp_path / "cache", Identity.of(clips, reader))
    reason = "1 of 20 files are new or changed since (first: 'c003')"
    assert caught.value.found == f"the feature cache {tmp_path / 'cache'} cannot be used: {reason}"
    assert caught.value.fix == "run the command again to extract what is missing"
    said: list[str] = []
    cache = build(tmp_path / "cache", clips, reader, said)
    assert said[0] == "19 of 20 clips are done already; going on with 1 (1 of them changed or are tried again)."
    assert reader.calls[COUNT:] == ["c003"]
    check_content(cache, clips, reader)


def test_file_that_could_not_be_read_is_read_again_once_it_is_mended(
    tmp_path: Path, clips: list[Clip], reader: CountingReader
) -> None:
    assert "c009" not in build(tmp_path / "cache", clips, reader).position
    np.save(clips[9].path, np.ones((7, 4), np.float32))
    cache = build(tmp_path / "cache", clips, reader)
    assert reader.calls[COUNT:] == ["c009"]
    check_content(cache, clips, reader)
    assert cache.skip_counts == {"unreadable": 1}


def test_changed_settings_make_the_cache_stale(tmp_path: Path, clips: list[Clip], reader: CountingReader) -> None:
    build(tmp_path / "cache", clips, reader)
    louder = CountingReader(reader.log, scale=2.0)
    said: list[str] = []
    cache = build(tmp_path / "cache", clips, louder, said)
    assert "it is stale, its settings are {'reader': 'counting', 'scale': 1.0} instead of" in said[0]
    check_content(cache, clips, louder)


def test_added_clips_are_appended_and_removed_ones_left_out(
    tmp_path: Path, clips: list[Clip], reader: CountingReader
) -> None:
    build(tmp_path / "cache", clips[:-2], reader)
    assert build(tmp_path / "cache", clips, reader).ids[-1] == "c018"
    assert reader.calls == [clip.id for clip in clips]
    fewer = build(tmp_path / "cache", clips[2:10], reader)
    assert len(reader.calls) == COUNT
    assert fewer.ids == ["c002", "c003", "c004", "c005", "c006", "c007", "c008"]
    assert [skip.id for skip in fewer.skipped] == ["c009"]
    check_content(fewer, clips[2:10], reader)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "7", "{}", '{"format": 1}', "\ud800"])
def test_broken_identity_is_replaced(tmp_path: Path, clips: list[Clip], reader: CountingReader, content: str) -> None:
    build(tmp_path / "cache", clips, reader)
    before = contents(tmp_path / "cache")
    (tmp_path / "cache" / "identity.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    said: list[str] = []
    build(tmp_path / "cache", clips, reader, said)
    assert "Extracting again." in said[0]
    assert contents(tmp_path / "cache") == before


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", None])
def test_broken_index_is_made_again_from_the_journal(
    tmp_path: Path, clips: list[Clip], reader: CountingReader, content: bytes | None
) -> None:
    build(tmp_path / "cache", clips, reader)
    before = contents(tmp_path / "cache")
    index = tmp_path / "cache" / "index.npz"
    index.write_bytes(before["index.npz"][:100] if content is None else content)
    with pytest.raises(CacheError, match=r"its index\.npz is broken"):
        FeatureCache(tmp_path / "cache", Identity.of(clips, reader))
    build(tmp_path / "cache", clips, reader)
    assert len(reader.calls) == COUNT
    assert contents(tmp_path / "cache") == before


@pytest.mark.parametrize(("change", "redone"), [(-1, {"c018"}), (+1, set()), (+4000, set()), (None, "all")])
def test_frames_of_wrong_size_are_mended(
    tmp_path: Path, clips: list[Clip], reader: CountingReader, change: int | None, redone: set[str] | str
) -> None:
    build(tmp_path / "cache", clips, reader)
    before = contents(tmp_path / "cache")
    frames = tmp_path / "cache" / "parts" / "main" / "frames.f16"
    wanted = frames.stat().st_size
    found = 0 if change is None else wanted + change
    frames.unlink() if change is None else os.truncate(frames, found)
    if found < wanted:
        with pytest.raises(CacheError, match=rf"frames\.f16 has {found} bytes instead of {wanted}"):
            FeatureCache(tmp_path / "cache", Identity.of(clips, reader))
    cache = build(tmp_path / "cache", clips, reader)
    check_content(cache, clips, CountingReader(tmp_path / "other-log"))
    if found < wanted:
        assert contents(tmp_path / "cache") == before
    usable = {name for name in reader.calls[COUNT:] if name not in ("c009", "c019")}
    assert usable == ({clip.id for clip in clips} - {"c009", "c019"} if redone == "all" else redone)


def test_frames_that_never_reached_the_disk_are_made_again(
    tmp_path: Path, clips: list[Clip], reader: CountingReader
) -> None:
    build(tmp_path / "cache", clips, reader)
    before = contents(tmp_path / "cache")
    (tmp_path / "cache" / "index.npz").unlink()  # the machine lost its power before the index was written
    frames = tmp_path / "cache" / "parts" / "main" / "frames.f16"
    with frames.open("r+b") as stream:
        stream.seek(-8, os.SEEK_END)
        stream.write(b"\0" * 8)
    build(tmp_path / "cache", clips, reader)
    assert reader.calls[COUNT:] == ["c018", "c019"]
    assert contents(tmp_path / "cache") == before


ENTRY = b'{"id": "c012", "stamp": [1, 2, 3], "frames": %d, "seconds": 0.0, "remarks": [], "digest": 0}\n'


def interrupted(cache: Path, keep: int) -> bytes:
    """Takes a finished cache back to ``keep`` finished clips; returns the journal as it is then."""
    part = cache / "parts" / "main"
    lines = (part / "journal.jsonl").read_bytes().splitlines(keepends=True)[:keep]
    (cache / "index.npz").unlink()
    (part / "journal.jsonl").write_bytes(b"".join(lines))
    os.truncate(part / "frames.f16", sum(json.loads(line)["frames"] for line in lines) * 8)
    return b"".join(lines)


@pytest.mark.parametrize(
    ("journal_end", "frames_end"),
    [
        (b"", b""),
        (b'{"id": "c01', b""),
        (b'{"id": "c012", "frames": 5}', b"x" * 40),
        (b'{"id": "c012", "frames": 9999}\n', b"x" * 40),
        (ENTRY % 9999, b"x" * 40),
        (ENTRY % 5, b"x" * 40),
        (b"\x00" * 50, b"x" * 3),
        (b"{}\n", b""),
        (b"7\n", b""),
        (b"", b"x" * 12345),
    ],
)
def test_whatever_stands_after_the_last_finished_clip_is_cut(
    tmp_path: Path, clips: list[Clip], reader: CountingReader, journal_end: bytes, frames_end: bytes
) -> None:
    build(tmp_path / "cache", clips, reader)
    before = contents(tmp_path / "cache")
    interrupted(tmp_path / "cache", keep=12)
    for name, end in (("journal.jsonl", journal_end), ("frames.f16", frames_end)):
        with (tmp_path / "cache" / "parts" / "main" / name).open("ab") as stream:
            stream.write(end)
    reader.log.unlink()
    said: list[str] = []
    build(tmp_path / "cache", clips[::-1], reader, said)
    assert said[0] == "12 of 20 clips are done already; going on with 8."
    assert reader.calls == [clip.id for clip in clips[12:]]
    assert contents(tmp_path / "cache") == before


def test_unwritable_folder_is_an_error_with_a_way_out(
    tmp_path: Path, clips: list[Clip], reader: CountingReader
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CacheError) as caught:
        build(tmp_path / "file" / "cache", clips, reader)
    assert f"the feature cache in {tmp_path / 'file'} cannot be written (" in caught.value.found
    assert caught.value.expected == "a writable folder"
    assert "paths.cache" in caught.value.fix
    assert "MUSIC_AFFECT_CACHE" in caught.value.fix
    assert reader.calls == []


class FullDisk(CountingReader):
    """The disk is full once twelve clips are stored."""

    def __call__(self, path: Path) -> NDArray[np.float32]:
        if len(self.calls) == 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().__call__(path)


def test_full_disk_keeps_what_is_finished(tmp_path: Path, clips: list[Clip], reader: CountingReader) -> None:
    with pytest.raises(CacheError, match=r"cannot be written \(No space left on device\)") as caught:
        build(tmp_path / "cache", clips, FullDisk(reader.log))
    assert caught.value.expected == "a folder with room for it"
    assert "finished clips are kept" in caught.value.fix
    cache = build(tmp_path / "cache", clips, reader)
    assert reader.calls == [clip.id for clip in clips]
    check_content(cache, clips, reader)


def test_skip_report_lists_reasons_and_counts(tmp_path: Path, clips: list[Clip], reader: CountingReader) -> None:
    arrays = {
        "wide, \"quoted\"": np.ones((5, 3)), "nan": np.full((5, 4), np.nan), "none": np.ones((0, 4)),
        "huge": np.full((5, 4), 1e6),
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array.astype(np.float32))
    extra = [Clip(name, tmp_path / f"{name}.npy") for name in [*arrays, "missing"]]
    said: list[str] = []
    cache = build(tmp_path / "cache", [*clips, *extra], reader, said)
    assert cache.skip_counts == {"unreadable": 3, "wrong shape": 1, "not finite": 2, "empty": 1}
    report = tmp_path / "cache" / "skipped.csv"
    assert said[0].startswith("7 of 25 clips left out (3 unreadable, 2 not finite, ")
    assert said[0].endswith(f"); listed in {report}")
    with report.open(newline="") as stream:
        rows = {row["id"]: row for row in csv.DictReader(stream)}
    assert rows[extra[0].id] == {
        "id": extra[0].id, "path": str(extra[0].path), "reason": "wrong shape",
        "detail": "features [5, 3], expected [T, 4]",
    }  # fmt: skip
    assert rows["huge"]["detail"] == "20 values are NaN, infinite or beyond float16"
    assert {skip.id for skip in cache.skipped} == rows.keys()


def test_set_without_usable_clips_is_an_empty_cache(tmp_path: Path, reader: CountingReader) -> None:
    for place, clips in enumerate([[], [Clip("gone", tmp_path / "gone.npy")]]):
        for _ in range(2):
            cache = build(tmp_path / f"cache{place}", clips, reader)
            assert (cache.ids, cache.lengths.tolist(), len(cache.skipped)) == ([], [], len(clips))


def test_folder_tells_data_sets_and_settings_apart(tmp_path: Path) -> None:
    settings = CountingReader(tmp_path).settings()
    folder = cache_folder(tmp_path, Path("/data/music"), settings)
    assert folder.parent == tmp_path / "features"
    assert folder.name.startswith("music-")
    others = [("/other/music", settings), ("/data/tunes", settings), ("/data/music", {"beat": True})]
    assert len({folder, *(cache_folder(tmp_path, Path(root), words) for root, words in others)}) == 4
    assert cache_folder(tmp_path, Path("/data/music"), dict(reversed(settings.items()))) == folder


def test_cache_crosses_to_another_process_without_its_frames(
    tmp_path: Path, clips: list[Clip], reader: CountingReader
) -> None:
    cache = build(tmp_path / "cache", clips, reader)
    assert cache.position["c001"] == 1
    small = len(pickle.dumps(cache))
    frames = frames_of(cache)
    assert len(pickle.dumps(cache)) == small
    np.testing.assert_array_equal(frames_of(pickle.loads(pickle.dumps(cache))), frames)
