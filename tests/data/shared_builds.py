"""Caches of two kinds made in one pass, in shares: ``python shared_builds.py <caches> <clips> <log> <number> <of>``."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from counted_builds import read_clips
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError
from music_affect.data.cache.builder import build as build_caches
from music_affect.data.cache.features import FeatureCache
from music_affect.data.cache.identity import Identity
from music_affect.data.cache.work import WHOLE, BuildSummary, Share
from music_affect.data.reader import Answer
from music_affect.data.source import Clip
from music_affect.system.log import show


@dataclass(frozen=True)
class Kind:
    """One of two kinds of features: the frames times a number."""

    factor: int
    num_features = 4
    blocks = {"mel": (0, 4)}  # noqa: RUF012

    def settings(self) -> dict[str, Any]:
        return {"factor": self.factor}


KINDS = (Kind(1), Kind(2))


class Found(NamedTuple):
    """Features of a clip."""

    values: NDArray[np.float32]
    seconds: float
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class OnePass:
    """Reads a file once for all kinds and notes in a log which ones were asked for.

    Args:
        log: a line a file.
        kinds: what it makes.
        gate: a call waits until this file exists; None waits for nothing.
    """

    log: Path
    kinds: tuple[Kind, ...] = KINDS
    gate: Path | None = None

    def __call__(self, clip: Clip, wanted: Sequence[int]) -> list[Answer]:
        with self.log.open("a") as stream:
            stream.write(f"{clip.id} {''.join(str(self.kinds[place].factor) for place in wanted)}\n")
        while self.gate is not None and not self.gate.exists():
            time.sleep(0.01)
        try:
            frames = np.load(clip.path, allow_pickle=False)
        except (OSError, ValueError):
            return [ClipError("unreadable", "broken") for _ in wanted]
        remarks = ("short",) if len(frames) < 5 else ()
        return [Found(frames * np.float32(self.kinds[place].factor), len(frames) / 10, remarks) for place in wanted]


def folder_of(caches: Path, kind: Kind) -> Path:
    return caches / f"times{kind.factor}"


def make(
    caches: Path, clips: list[Clip], extract: OnePass, share: Share = WHOLE, *, retry: bool = False, workers: int = 1
) -> tuple[BuildSummary, list[str]]:
    """Builds the caches of the kinds that ``extract`` makes; what was done and what was said."""
    places = [(folder_of(caches, kind), kind) for kind in extract.kinds]
    from logged import logged  # a process of its own is started without the folder of all tests

    with logged() as said:
        return build_caches(places, clips, extract, workers=workers, share=share, retry=retry), said


def opened(caches: Path, clips: list[Clip], kind: Kind) -> FeatureCache:
    return FeatureCache(folder_of(caches, kind), Identity.of(clips, kind))


def main() -> None:
    """A share in a process of its own; a sixth word names the gate."""
    caches, folder, log = (Path(word) for word in sys.argv[1:4])
    gate = Path(sys.argv[6]) if len(sys.argv) > 6 else None
    places = [(folder_of(caches, kind), kind) for kind in KINDS]
    show()
    share = Share(int(sys.argv[4]), int(sys.argv[5]))
    build_caches(
        places,
        read_clips(folder),
        OnePass(log, gate=gate),
        workers=1,
        share=share,
    )


if __name__ == "__main__":
    main()
