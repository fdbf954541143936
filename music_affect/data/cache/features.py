"""The feature cache: all clips of a data set in a few memory-mapped arrays.

Layout of a cache folder::

    identity.json                what the features were made with
    parts/<part>/frames.f16      float16 [rows, F], clip after clip; one part a writer (``main``, ``shard-0-of-4``, …)
    parts/<part>/journal.jsonl   one line a finished clip: what a killed build resumes from
    parts/<part>/reading         id of the clip that is being read, where one process does all the work
    index.npz                    where each clip of all parts is, and the state its file had; joins the parts
    skipped.csv                  clips that cannot be used, with the reason

A clip whose file changed is appended anew, and its old frames are no longer used. float16 rounds a level of -80 dB by
at most 0.03 dB.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import CacheError
from music_affect.data.cache.identity import Identity
from music_affect.data.cache.index import INDEX, PARTS, REMARKS, SKIPPED, Index
from music_affect.data.cache.part import DTYPE, FRAMES
from music_affect.data.cache.skips import Skip, may_have_passed
from music_affect.data.source import Clip
from music_affect.system import files

IDENTITY = "identity.json"
BROKEN = (OSError, ValueError, EOFError, KeyError, TypeError, MemoryError, BadZipFile)  # what a damaged index raises


class FeatureCache:
    """The features of some clips, opened; nothing but the index is read until frames are asked for.

    Args:
        folder: of a cache that holds them.
        identity: the clips and what they must have been made with.

    Attributes:
        ids: of the usable clips, sorted.
        lengths: frames of each of them, int64 [N].
        digests: of their frames, int64 [N]; equal for identical copies under whatever name.

    Raises:
        CacheError: the cache is incomplete, stale or broken.
    """

    def __init__(self, folder: Path, identity: Identity) -> None:
        self.folder, self.identity = folder, identity
        found = examine(folder, identity)
        if isinstance(found, str):
            raise CacheError(
                f"the feature cache {folder} cannot be used: {found}",
                expected="a complete cache of these files and settings",
                fix="run the command again to extract what is missing",
            )
        place = _places(found, identity)
        usable = place[found.frames[place] > 0]
        self.ids: list[str] = [found.ids[row] for row in usable]
        self.lengths: NDArray[np.int64] = found.frames[usable]
        self.digests: NDArray[np.int64] = found.digests[usable]
        self.remark_counts = dict(Counter(word for row in usable for word in found.remarks[row].split(REMARKS) if word))
        self.seconds = float(found.seconds[usable].sum(dtype=np.float64))
        self._begins, self._part = found.begins[usable], found.part[usable]
        self._files = [(folder / PARTS / name / FRAMES, rows) for name, rows in found.rows_by_part().items()]

    def __getstate__(self) -> dict[str, Any]:
        # A loader's process maps the frames itself; a pickled memory map would be a copy of all of them.
        return {name: value for name, value in vars(self).items() if name != "_frames"}

    @property
    def num_features(self) -> int:
        return self.identity.num_features

    @cached_property
    def _frames(self) -> list[NDArray[np.float16]]:
        """All frames of each part, float16 [rows, F], memory-mapped."""
        return [_mapped(path, rows, self.num_features) for path, rows in self._files]

    @cached_property
    def position(self) -> dict[str, int]:
        """Place of each clip by its id."""
        return {name: place for place, name in enumerate(self.ids)}

    @cached_property
    def skipped(self) -> list[Skip]:
        wanted = set(self.identity.ids)
        try:
            return [Skip(**row) for row in files.read_csv(self.folder / SKIPPED) if row["id"] in wanted]
        except (ValueError, KeyError, TypeError) as error:
            raise CacheError(
                f"{self.folder / SKIPPED} cannot be read ({error})",
                expected="the table of clips that cannot be used",
                fix="remove the file; it is written again",
            ) from error

    @property
    def skip_counts(self) -> dict[str, int]:
        """Number of unusable clips by reason."""
        return dict(Counter(skip.reason for skip in self.skipped))

    def digests_of(self, clips: Sequence[Clip]) -> NDArray[np.int64]:
        """Digests of these clips' frames, int64 [N]."""
        return self.digests[np.array([self.position[clip.id] for clip in clips], np.int64)]

    def contents_hash(self, names: Iterable[str]) -> str:
        """Fingerprint of the features of some clips, whatever their files are called and whenever they were touched."""
        lines = sorted(f"{name}\0{self.digests[self.position[name]]}" for name in names)
        return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:16]

    def clip(self, name: str) -> NDArray[np.float16]:
        """Features of one clip, float16 [T, F]."""
        place = self.position[name]
        begin = self._begins[place]
        frames: NDArray[np.float16] = self._frames[self._part[place]][begin : begin + self.lengths[place]]
        return frames


def examine(folder: Path, identity: Identity) -> Index | str:
    """The index of a cache that holds these clips, or what stands in the way of using it."""
    reason = unlike(folder, identity)
    if reason:
        return reason
    if not ((folder / INDEX).is_file() and (folder / SKIPPED).is_file()):
        return "it is incomplete"
    try:
        index = Index.load(folder)
    except BROKEN:
        return f"its {INDEX} is broken"
    for part, rows in index.rows_by_part().items():
        path = folder / PARTS / part / FRAMES
        size, wanted = path.stat().st_size if path.is_file() else 0, _size(rows, identity.num_features)
        if size < wanted:
            return f"{path.relative_to(folder)} has {size} bytes instead of {wanted}"
    return _lacking(index, identity) or index


def complete(folder: Path, identity: Identity) -> FeatureCache | None:
    """The cache where nothing is to be made: its clips are there, or cannot be used for a reason that lasts."""
    try:
        cache = FeatureCache(folder, identity)
    except CacheError:
        return None
    again = any(may_have_passed(skip.reason, skip.path) for skip in cache.skipped)
    return None if again and os.access(folder, os.W_OK) else cache


def unlike(folder: Path, identity: Identity) -> str | None:
    """Why the features in a folder are of another kind, or None where they are of this one."""
    path = folder / IDENTITY
    if not path.is_file():
        return "nothing is there"
    try:
        difference = identity.difference(files.read_object(path))
    except (ValueError, AttributeError):
        return f"its {IDENTITY} is broken"
    return difference and f"it is stale, {difference}"


def cache_folder(root: Path, source_root: Path, settings: Mapping[str, Any]) -> Path:
    """Where the cache of a data set with these settings stands."""
    key = json.dumps([str(source_root), dict(settings)], sort_keys=True)
    return root / "features" / f"{source_root.name}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"


def _places(index: Index, identity: Identity) -> NDArray[np.int64]:
    """Where each clip stands in the index, -1 where it does not, int64 [N]."""
    if index.ids == list(identity.ids):
        return np.arange(len(index.ids))
    place = {name: row for row, name in enumerate(index.ids)}
    return np.array([place.get(name, -1) for name in identity.ids], np.int64)


def _lacking(index: Index, identity: Identity) -> str | None:
    place = _places(index, identity)
    if not len(place):
        return None
    missing = ~_current(index, identity, place)
    if not missing.any():
        return None
    first = identity.ids[int(missing.argmax())]
    return f"{int(missing.sum())} of {len(place)} files are new or changed since (first: '{first}')"


def _current(index: Index, identity: Identity, place: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which clips are in the index with the present state of their files."""
    if not len(index.ids):
        return np.zeros(len(place), bool)
    current: NDArray[np.bool_] = (place >= 0) & (index.stamps[place] == identity.stamps).all(axis=1)
    return current


def finished_clips(folder: Path, identity: Identity) -> int:
    """How many of the clips a cache holds, usable or not, whether or not others are missing."""
    try:
        index = Index.load(folder)
    except BROKEN:
        return 0
    return int(_current(index, identity, _places(index, identity)).sum())


def _size(rows: int, num_features: int) -> int:
    return rows * num_features * np.dtype(DTYPE).itemsize


def _mapped(path: Path, rows: int, num_features: int) -> NDArray[np.float16]:
    if rows == 0:  # an empty file cannot be mapped
        return np.zeros((0, num_features), DTYPE)
    mapped: NDArray[np.float16] = np.memmap(path, dtype=DTYPE, mode="r", shape=(rows, num_features))
    return mapped
