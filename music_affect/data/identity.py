"""What a feature cache was made from: the settings, and the state of every file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.data.reader import Description
from music_affect.data.source import Clip

FORMAT = 2
MISSING = (-1, -1)

Stamp = tuple[int, int]


@dataclass(frozen=True)
class Identity:
    """Two caches with equal identities hold equal numbers.

    Args:
        settings: of the reader, with its version.
        num_features: F.
        blocks: column ranges by what they hold.
        ids: of the clips, sorted.
        stamps: size in bytes and modification time in ns of each clip's file, int64 [N, 2]; -1 where it is missing.
    """

    settings: Mapping[str, Any]
    num_features: int
    blocks: Mapping[str, tuple[int, int]]
    ids: Sequence[str]
    stamps: NDArray[np.int64]

    @classmethod
    def of(cls, clips: Iterable[Clip], reader: Description) -> Identity:
        """Asks the file system for every clip's file."""
        ordered = sorted(clips, key=lambda clip: clip.id)
        return cls.sharing(stamps_of(ordered), ordered, reader)

    @classmethod
    def sharing(cls, stamps: NDArray[np.int64], clips: Sequence[Clip], reader: Description) -> Identity:
        """For another reader of the same clips, in the order of their ids, whose stamps are known."""
        return cls(reader.settings(), reader.num_features, dict(reader.blocks), [clip.id for clip in clips], stamps)

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode())
        digest.update("\0".join(self.ids).encode())
        digest.update(self.stamps.tobytes())
        return digest.hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """All but the files, in plain values."""
        blocks = {name: list(columns) for name, columns in self.blocks.items()}
        return {
            "format": FORMAT,
            "num_features": self.num_features,
            "blocks": blocks,
            "settings": dict(self.settings),
        }

    def difference(self, plain: Mapping[str, Any]) -> str | None:
        """Why features made with ``plain`` must not stand for these, or None where they may."""
        mine = self.to_dict()
        different = next((key for key in mine if plain.get(key) != mine[key]), None)
        return different and f"its {different} are {plain.get(different)} instead of {mine[different]}"


def stamps_of(clips: Sequence[Clip]) -> NDArray[np.int64]:
    """State of the clips' files, int64 [N, 2]; a file that holds many clips is asked once."""
    known: dict[str, Stamp] = {}
    stamps = np.empty((len(clips), 2), np.int64)
    for place, clip in enumerate(clips):
        path = os.fspath(clip.path)
        if path not in known:
            known[path] = _stamp(path)
        stamps[place] = known[path]
    return stamps


def _stamp(path: str) -> Stamp:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a name with a zero byte
        return MISSING
    return status.st_size, status.st_mtime_ns
