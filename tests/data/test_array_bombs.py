"""Small files that say they are large, and files that were kept and damaged."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from music_affect.contracts.errors import ClipError
from music_affect.data.array_reader import LONGEST, ArrayReader
from music_affect.data.preparation import _kept


def packed(path: Path, shape: tuple[int, ...], zeros: int) -> Path:
    """A file whose header names a shape, with so many bytes of zeros behind it."""
    with gzip.open(path, "wb", compresslevel=1) as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})  # type: ignore[arg-type]
        for _ in range(zeros >> 20):
            stream.write(bytes(1 << 20))
    return path


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((140, LONGEST + 1), "too long"),
        ((140, 10**15), "too long"),
        ((10**9, 140), "wrong shape"),
        ((1 << 24,), "wrong shape"),
        ((140, 10), "fine"),
    ],
)
def test_what_a_file_unpacks_to_is_not_taken_before_it_is_known_to_be_a_clip(
    shape: tuple[int, ...], reason: str, tmp_path: Path
) -> None:
    path = packed(tmp_path / "clip.fused.full.npy.gz", shape, 64 << 20)
    tracemalloc.start()
    assert _answer(path) == reason
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def _answer(path: Path) -> str:
    try:
        ArrayReader(beat=False)(path)
    except ClipError as error:
        return error.reason
    return "fine"


def test_a_file_that_is_shorter_than_it_says_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="unreadable"):
        ArrayReader(beat=False)(packed(tmp_path / "clip.npy.gz", (140, 100_000), 1 << 20))


def test_arrays_are_read_as_they_were_written_in_any_order(tmp_path: Path) -> None:
    array = np.arange(140 * 6, dtype=np.float32).reshape(140, 6)
    for number, one in enumerate((array, np.asfortranarray(array), array.astype(">i4"))):
        np.save(tmp_path / f"{number}.npy", one)
        assert np.array_equal(ArrayReader(beat=False)(tmp_path / f"{number}.npy"), array.T)


@pytest.mark.parametrize("damage", ["torn", "shape", "kind", "nan", "pickle", "nothing", "junk"])
def test_statistics_that_cannot_be_right_are_made_anew(damage: str, tmp_path: Path) -> None:
    path, sound = tmp_path / "statistics.npy", np.ones((3, 4), np.float32)
    np.save(path, sound)
    assert np.array_equal(_kept(path, 3), sound)  # type: ignore[arg-type]
    others = {"shape": sound[:2], "kind": sound.astype(int), "nan": sound * np.nan, "pickle": np.array([{}], object)}
    if damage in others:
        np.save(path, others[damage], allow_pickle=True)
    else:
        path.write_bytes({"torn": path.read_bytes()[:150], "nothing": b"", "junk": b"junk" * 50}[damage])
    assert _kept(path, 3) is None
