"""Cache builds that can be watched from outside: ``python counted_builds.py <cache> <clips> <log> <workers>``."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError
from music_affect.data.cache.builder import open_or_build
from music_affect.data.cache.features import FeatureCache
from music_affect.data.reader import ReadArrays
from music_affect.data.source import Clip
from music_affect.system.log import show


@dataclass(frozen=True)
class CountingReader:
    """Reads ``.npy`` files [T, 4] and notes each one in a log, so that calls in other processes are counted too.

    Args:
        log: a line a call.
        seconds: what a call takes at least.
        gate: a call waits until this file exists; None waits for nothing.
        scale: a setting that changes the numbers.
    """

    log: Path
    seconds: float = 0.0
    gate: Path | None = None
    scale: float = 1.0

    num_features: ClassVar[int] = 4
    blocks: ClassVar[dict[str, tuple[int, int]]] = {"mel": (0, 3), "chroma": (3, 4)}

    def settings(self) -> dict[str, Any]:
        return {"reader": "counting", "scale": self.scale}

    def __call__(self, path: Path) -> NDArray[np.float32]:
        with self.log.open("a") as stream:
            stream.write(f"{path.stem}\n")
        time.sleep(self.seconds)
        while self.gate is not None and not self.gate.exists():
            time.sleep(0.01)
        try:
            features: NDArray[np.float32] = np.load(path, allow_pickle=False) * np.float32(self.scale)
        except (OSError, ValueError, EOFError) as error:
            raise ClipError("unreadable", str(error)) from error
        return features

    @property
    def calls(self) -> list[str]:
        """Names of the files read so far."""
        return self.log.read_text().split() if self.log.exists() else []


def write_clips(folder: Path, count: int) -> list[Clip]:
    """Clips of 1 to 30 frames; every tenth file cannot be read."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(count)
    clips = [Clip(f"c{place:03d}", folder / f"c{place:03d}.npy") for place in range(count)]
    for place, clip in enumerate(clips):
        np.save(clip.path, random.normal(0, 20, (int(random.integers(1, 30)), 4)).astype(np.float32))
        if place % 10 == 9:
            clip.path.write_bytes(b"broken")
    return clips


def read_clips(folder: Path) -> list[Clip]:
    """What ``write_clips`` wrote."""
    return [Clip(path.stem, path) for path in sorted(folder.glob("*.npy"))]


def build(
    cache: Path, clips: list[Clip], reader: CountingReader, said: list[str] | None = None, workers: int = 1
) -> FeatureCache:
    """The cache of the clips; what is logged goes to ``said``."""
    from logged import logged  # a process of its own is started without the folder of all tests

    with logged(said):
        return open_or_build(cache, clips, reader, ReadArrays(reader), workers=workers)


def main() -> None:
    """A build in a process of its own; without a gate it takes 20 ms a clip."""
    cache, folder, log = (Path(word) for word in sys.argv[1:4])
    gate = Path(sys.argv[5]) if len(sys.argv) > 5 else None
    show()
    reader = CountingReader(log, seconds=0.02, gate=gate)
    open_or_build(cache, read_clips(folder), reader, ReadArrays(reader), workers=int(sys.argv[4]))


if __name__ == "__main__":
    main()
