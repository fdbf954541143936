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

FORMAT = 4
NOWHERE = (-1, -1)

Stamp = tuple[int, int, int]
"""Size in bytes and time of change in ns of a clip's file, -1 where it is missing, and a digest of the clip's place."""


@dataclass(frozen=True)
class Identity:
    """Two caches with equal identities hold equal numbers.

    Args:
        settings: of the reader, with its version.
        num_features: F.
        blocks: column ranges by what they hold.
        ids: of the clips, sorted.
        stamps: of the clips, int64 [N, 3].
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
    """Stamps of the clips, int64 [N, 3]; a file that holds many clips is asked once.

    Without the place, two files of one size and time could change names, and each keep the other's features.
    """
    known: dict[str, tuple[int, int]] = {}
    stamps = np.empty((len(clips), 3), np.int64)
    for number, clip in enumerate(clips):
        path = os.fspath(clip.path)
        if path not in known:
            known[path] = _state(path)
        stamps[number] = (*known[path], _place(path, clip.row))
    return stamps


def _place(path: str, row: int | None) -> int:
    digest = hashlib.blake2b(f"{path}\0{row}".encode(errors="surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _state(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a name with a zero byte
        return NOWHERE
    return status.st_size, status.st_mtime_ns
