"""An index and a journal of a cache that hold anything at all: the features are extracted again, never misread."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from music_affect.data.cache.index import INDEX, Index
from music_affect.data.cache.part import finished


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("begins", np.array([-5, 0])),
        ("begins", np.array([0.5, 1.0])),
        ("part", np.array([7, 7], np.int16)),
        ("frames", np.array([[1], [2]])),
        ("stamps", np.zeros((2, 2), np.int64)),
        ("parts", ["../../elsewhere"]),
        ("digests", np.array([0.5, 1.0])),
    ],
)
def test_an_index_that_leads_elsewhere_is_broken(name: str, value: Any, tmp_path: Path) -> None:
    whole = {
        "ids": ["a", "b"], "stamps": np.zeros((2, 3), np.int64), "parts": ["main"], "part": np.zeros(2, np.int16),
        "begins": np.array([0, 3]), "frames": np.array([3, 4]), "seconds": np.zeros(2, np.float32),
        "digests": np.array([1, 2]), "remarks": ["", ""],
    }  # fmt: skip
    Index(**whole).save(tmp_path)  # type: ignore[arg-type]
    assert Index.load(tmp_path).ids == ["a", "b"]
    Index(**{**whole, name: value}).save(tmp_path)  # type: ignore[arg-type]
    with pytest.raises((ValueError, TypeError)):
        Index.load(tmp_path)


def test_an_index_that_would_unpack_to_more_than_it_holds_is_broken(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / INDEX, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ids.npy", bytes(1 << 20))
    with pytest.raises(ValueError, match="it is compressed"):
        Index.load(tmp_path)


@pytest.mark.parametrize("change", [{"frames": -3}, {"frames": "x"}, {"stamp": 5}, {"id": None}, {"remarks": 5}])
def test_a_journal_ends_before_an_entry_that_cannot_be(change: dict[str, Any], tmp_path: Path) -> None:
    entry = {"id": "a", "stamp": [1, 2, 3], "frames": 2, "seconds": 0.0, "remarks": [], "digest": 0}
    (tmp_path / "frames.f16").write_bytes(bytes(100))
    lines = [entry, {**entry, **change}, entry]
    (tmp_path / "journal.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert len(list(finished(tmp_path, 10))) == 1
