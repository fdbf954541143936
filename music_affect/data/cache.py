"""The feature cache: all clips of a data set in one memory-mapped array.

Layout of a cache folder::

    frames.f16      float16 [sum of T, F], clip after clip, appended while it is built
    journal.jsonl   one line a finished clip (id, frames or why it was skipped): what a killed build resumes from
    identity.json   what the cache was made from; written first
    index.npz       ids and offsets; written last, by its presence the cache is complete
    skipped.csv     clips that cannot be used, with the reason

float16 rounds a level of -80 dB by at most 0.03 dB.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from music_affect import files
from music_affect.data.source import Clip
from music_affect.errors import CacheError

FORMAT = 1
DTYPE = np.float16


class Reader(Protocol):
    """Turns the file of a clip into features; stands for an extractor of audio or a reader of arrays."""

    @property
    def num_features(self) -> int: ...

    @property
    def blocks(self) -> Mapping[str, tuple[int, int]]:
        """Column ranges by what they hold."""

    @property
    def excerpt_frames(self) -> int:
        """Rows of a self-contained piece, in whose middle no crop begins; 1 where it may begin anywhere."""

    def settings(self) -> dict[str, Any]:
        """Everything that changes the numbers, as plain values."""

    def __call__(self, path: Path) -> NDArray[np.float32]:
        """Features [T, F].

        Raises:
            ClipError: the file cannot be used.
        """


class RowReader(Reader, Protocol):
    """A reader of files that hold many clips."""

    def __call__(self, path: Path, row: int = 0) -> NDArray[np.float32]:
        """Features [T, F] of the clip in one row of the file.

        Raises:
            ClipError: the row cannot be used.
        """


@dataclass(frozen=True)
class Skip:
    """A clip that cannot be used.

    Args:
        id: of the clip.
        path: its file.
        reason: a word or two, for counting.
        detail: what was seen.
    """

    id: str
    path: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Identity:
    """What a cache was made from. Two caches with equal identities hold equal numbers.

    Args:
        settings: of the reader, with its version.
        sources: size and modification time of every file, by clip id.
        num_features: F.
        blocks: column ranges by what they hold.
    """

    settings: Mapping[str, Any]
    sources: Mapping[str, str]
    num_features: int
    blocks: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, clips: Iterable[Clip], reader: Reader) -> Identity:
        sources = {clip.id: _stamp(clip.path) for clip in clips}
        return cls(reader.settings(), sources, reader.num_features, reader.blocks)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        blocks = {name: list(columns) for name, columns in self.blocks.items()}
        plain: dict[str, Any] = {"format": FORMAT, "num_features": self.num_features, "blocks": blocks}
        return plain | {"settings": dict(self.settings), "sources": dict(self.sources)}

    def difference(self, plain: Mapping[str, Any]) -> str | None:
        """Why a cache with the identity ``plain`` must not stand for this one, or None where it may."""
        mine = self.to_dict()
        for key in ("format", "num_features", "blocks", "settings"):
            if plain.get(key) != mine[key]:
                return f"its {key} are {plain.get(key)} instead of {mine[key]}"
        then: Mapping[str, str] = plain["sources"]
        changed = [name for name in then.keys() | self.sources.keys() if then.get(name) != self.sources.get(name)]
        if changed:
            return f"{len(changed)} of {len(self.sources)} source files changed since (first: '{min(changed)}')"
        return None


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size}-{status.st_mtime_ns}"


class FeatureCache:
    """An opened cache; nothing but the index is read until frames are asked for.

    Args:
        folder: of a complete cache.
        identity: what it must have been made from.

    Raises:
        CacheError: the cache is incomplete, stale or broken.
    """

    def __init__(self, folder: Path, identity: Identity) -> None:
        self.folder, self.identity = folder, identity
        reason = self.unusable(folder, identity)
        if reason:
            raise CacheError(
                f"the feature cache {folder} cannot be used: {reason}",
                expected="a complete cache of these files and settings",
                fix="run the command again to extract anew",
            )
        with np.load(folder / "index.npz", allow_pickle=False) as index:
            self.ids: list[str] = [str(name) for name in index["ids"]]
            self.offsets: NDArray[np.int64] = index["offsets"]

    def __getstate__(self) -> dict[str, Any]:
        # A loader's process opens the frames itself; a pickled memory map would be a copy of all of them.
        return {name: value for name, value in vars(self).items() if name != "frames"}

    @staticmethod
    def unusable(folder: Path, identity: Identity) -> str | None:
        """Why the folder holds no usable cache, or None."""
        if not (folder / "identity.json").is_file():
            return "nothing is there"
        try:
            difference = identity.difference(files.read_json(folder / "identity.json"))
        except (ValueError, KeyError, TypeError, AttributeError):
            return "its identity.json is broken"
        if difference:
            return f"it is stale, {difference}"
        if not (folder / "index.npz").is_file():
            return "it is incomplete"
        try:
            with np.load(folder / "index.npz", allow_pickle=False) as index:
                wanted = int(index["offsets"][-1]) * identity.num_features * np.dtype(DTYPE).itemsize
        except (OSError, ValueError, EOFError, KeyError, BadZipFile):
            return "its index.npz is broken"
        size = (folder / "frames.f16").stat().st_size if (folder / "frames.f16").is_file() else 0
        return None if size == wanted else f"its frames.f16 has {size} bytes instead of {wanted}"

    @property
    def num_features(self) -> int:
        return self.identity.num_features

    @cached_property
    def frames(self) -> NDArray[np.float16]:
        """All frames, float16 [sum of T, F], memory-mapped."""
        shape = (int(self.offsets[-1]), self.num_features)
        return np.memmap(self.folder / "frames.f16", dtype=DTYPE, mode="r", shape=shape)

    @cached_property
    def position(self) -> dict[str, int]:
        """Place of each clip by its id."""
        return {name: place for place, name in enumerate(self.ids)}

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Frames of each clip."""
        return np.diff(self.offsets)

    @cached_property
    def skipped(self) -> list[Skip]:
        return [Skip(**row) for row in files.read_csv(self.folder / "skipped.csv")]

    @property
    def skip_counts(self) -> dict[str, int]:
        """Number of unusable clips by reason."""
        return dict(Counter(skip.reason for skip in self.skipped))

    def clip(self, name: str) -> NDArray[np.float16]:
        """Features of one clip, float16 [T, F]."""
        place = self.position[name]
        return self.frames[self.offsets[place] : self.offsets[place + 1]]


def cache_folder(root: Path, name: str, source_root: Path, settings: Mapping[str, Any]) -> Path:
    """Where the cache of a data set with these settings stands."""
    key = json.dumps([str(source_root), dict(settings)], sort_keys=True)
    return root / "features" / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:10]}"


def describe_skips(skipped: Sequence[Skip], total: int, report: Path) -> str:
    """One line for the console: how many clips were left out, and why."""
    counts = ", ".join(f"{count} {reason}" for reason, count in Counter(s.reason for s in skipped).most_common())
    return f"{len(skipped)} of {total} clips left out ({counts}); listed in {report}"
