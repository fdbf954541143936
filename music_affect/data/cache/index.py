"""The index of a feature cache: every finished clip of all its parts, so that opening it reads one small file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.data.cache.identity import Identity, Stamp
from music_affect.data.cache.part import DTYPE, Entry, finished
from music_affect.system import files
from music_affect.system.plain_text import is_word

INDEX, PARTS, SKIPPED = "index.npz", "parts", "skipped.csv"
REMARKS = ", "


@dataclass(frozen=True)
class Index:
    """Where the frames of each clip are; all arrays have one element a clip.

    Args:
        ids: of the clips.
        stamps: of the files when they were read, int64 [N, 3].
        parts: names of the parts.
        part: place of the clip's part among them.
        begins: first row within the part.
        frames: rows; 0 of a clip that cannot be used.
        seconds: of audio.
        digests: of the frames, int64.
        remarks: what is worth counting, comma-separated.
    """

    ids: list[str]
    stamps: NDArray[np.int64]
    parts: list[str]
    part: NDArray[np.int16]
    begins: NDArray[np.int64]
    frames: NDArray[np.int64]
    seconds: NDArray[np.float32]
    digests: NDArray[np.int64]
    remarks: list[str]

    @classmethod
    def load(cls, folder: Path) -> Index:
        """Raises what NumPy raises on a broken file."""
        files.check_archive(folder / INDEX)
        with np.load(folder / INDEX, allow_pickle=False) as arrays:
            index = cls(
                ids=_texts(arrays["ids"]),
                stamps=arrays["stamps"],
                parts=_texts(arrays["parts"]),
                part=arrays["part"],
                begins=arrays["begins"],
                frames=arrays["frames"],
                seconds=arrays["seconds"],
                digests=arrays["digests"],
                remarks=_texts(arrays["remarks"]),
            )
        if len({len(array) for array in vars(index).values() if array is not index.parts}) != 1:
            raise ValueError("arrays of different lengths")
        index._check()
        return index

    def _check(self) -> None:
        """Refuses numbers that are no places.

        Raises:
            ValueError: there are such numbers.
        """
        places = (self.part, self.begins, self.frames)
        if any(array.dtype.kind != "i" or array.ndim != 1 or array.min(initial=0) < 0 for array in places):
            raise ValueError("places that are no whole numbers, or below 0")
        if self.stamps.shape != (len(self.ids), 3) or self.part.max(initial=-1) >= len(self.parts):
            raise ValueError("stamps or parts that are not there")
        if self.digests.dtype != np.int64:
            raise ValueError("digests that are no whole numbers")
        if not all(map(is_word, self.parts)):
            raise ValueError("parts that lie elsewhere")

    def save(self, folder: Path) -> None:
        """Replaces the index in one step."""
        arrays: dict[str, Any] = {
            name: _bytes(content) if isinstance(content, list) else content for name, content in vars(self).items()
        }
        with files.atomic_path(folder / INDEX) as temporary:
            np.savez(temporary, **arrays)

    def rows_by_part(self) -> dict[str, int]:
        """Rows that each part must hold at least."""
        ends = self.begins + self.frames
        return {name: int(ends[self.part == place].max(initial=0)) for place, name in enumerate(self.parts)}


def part_names(folder: Path) -> list[str]:
    """Names of the parts of a cache, sorted."""
    return sorted(path.name for path in (folder / PARTS).glob("*") if path.is_dir())


def collect(folder: Path, identity: Identity) -> dict[str, Entry]:
    """Finished clips of all parts by id; of several, its file's present state counts, then use, then the newest."""
    wanted: dict[str, Stamp] = dict(zip(identity.ids, map(tuple, identity.stamps.tolist()), strict=True))

    def worth(entry: Entry) -> tuple[bool, bool]:
        return entry.stamp == wanted.get(entry.id), entry.skipped is None

    row_bytes = identity.num_features * np.dtype(DTYPE).itemsize
    found: dict[str, Entry] = {}
    for name in part_names(folder):
        for entry in finished(folder / PARTS / name, row_bytes):
            known = found.get(entry.id)
            if known is None or worth(entry) >= worth(known):
                found[entry.id] = entry
    return found


def write(folder: Path, entries: Mapping[str, Entry]) -> None:
    """Writes the index and the report of the clips that cannot be used."""
    ordered = [entries[name] for name in sorted(entries)]
    skipped = [[entry.id, *entry.skipped] for entry in ordered if entry.skipped]
    files.write_csv(folder / SKIPPED, ["id", "path", "reason", "detail"], skipped)
    parts = part_names(folder)
    place = {name: number for number, name in enumerate(parts)}
    Index(
        ids=[entry.id for entry in ordered],
        stamps=np.array([entry.stamp for entry in ordered], np.int64).reshape(-1, 3),
        parts=parts,
        part=np.array([place[entry.part] for entry in ordered], np.int16),
        begins=np.array([entry.begin for entry in ordered], np.int64),
        frames=np.array([entry.frames for entry in ordered], np.int64),
        seconds=np.array([entry.seconds for entry in ordered], np.float32),
        digests=np.array([entry.digest for entry in ordered], np.int64),
        remarks=[REMARKS.join(entry.remarks) for entry in ordered],
    ).save(folder)


def _bytes(words: list[str]) -> NDArray[np.uint8]:
    """Texts as one array of bytes: an array of texts would give each the room of the longest one."""
    return np.frombuffer("".join(f"{word}\0" for word in words).encode(), np.uint8)


def _texts(content: NDArray[np.uint8]) -> list[str]:
    return content.tobytes().decode().split("\0")[:-1]
