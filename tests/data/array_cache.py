"""A small feature cache made straight from arrays, for the tests of what reads one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.data.cache.builder import open_or_build
from music_affect.data.cache.features import FeatureCache
from music_affect.data.reader import ReadArrays
from music_affect.data.source import Clip

GENRES = ("Blues", "Jazz", "Rock")


class RandomReader:
    """Mel dB and chroma of as many frames as the file is long in bytes."""

    def __init__(self, num_mels: int = 6) -> None:
        self.num_features = num_mels + 4
        self.blocks = {"mel": (0, num_mels), "chroma": (num_mels, num_mels + 4)}

    def settings(self) -> dict[str, Any]:
        return {"reader": "random", "num_features": self.num_features}

    def __call__(self, path: Path) -> NDArray[np.float32]:
        random = np.random.default_rng(int(path.stem[1:]))
        frames = path.stat().st_size
        mel = random.uniform(-80, 0, (frames, self.num_features - 4))
        return np.hstack([mel, random.random((frames, 4))]).astype(np.float32)


def make_cache(folder: Path, lengths: Sequence[int], num_mels: int = 6) -> tuple[FeatureCache, list[Clip]]:
    """Clips of these lengths, with genres in turn and a valence that tells the place."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = []
    for place, length in enumerate(lengths):
        path = folder / f"c{place:04d}"
        path.write_bytes(b"x" * length)
        labels: dict[str, str | float] = {"genre": GENRES[place % 3], "valence": place / len(lengths)}
        clips.append(Clip(path.name, path, labels))
    reader = RandomReader(num_mels)
    cache = open_or_build(folder / "cache", clips, reader, ReadArrays(reader), workers=1)
    return cache, clips
