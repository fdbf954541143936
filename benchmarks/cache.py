"""The feature cache beside the files it replaces: reading, opening a large one, and the memory that building takes.

    python -m benchmarks.cache --clips 300 --many 100000

- reading: clips of 30 s as the lab's sets hold them, one .npy.gz file each, beside the same clips in the cache; whole
  clips to float32, and crops of 5 s, in random order, one thread, files warm.
- opening: a cache of ``--many`` clips of 30 s, its frames a sparse file; checks every source file as a run does.
- building: peak memory of the process that writes, and of its workers, for ``--clips`` and for ``--many`` clips with an
  extraction that costs nothing, so that only the bookkeeping shows.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.memory import peak_mib
from music_affect.data.array_reader import ArrayReader
from music_affect.data.cache.builder import build, open_or_build
from music_affect.data.cache.features import IDENTITY, FeatureCache
from music_affect.data.cache.identity import Identity
from music_affect.data.cache.index import PARTS, Index
from music_affect.data.cache.part import FRAMES
from music_affect.data.clip_store import MappedStore
from music_affect.data.normalization import Normalizer
from music_affect.data.reader import Answer, ReadArrays
from music_affect.data.source import Clip
from music_affect.data.view import View
from music_affect.system.files import write_json

ROWS, COLUMNS = 140, 1292  # of a clip of 30 s
CROP = 215  # frames in 5 s
BATCH = 16


class Frames(NamedTuple):
    """Features of a clip."""

    values: NDArray[np.float32]
    seconds: float = 30.0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class FewFrames:
    """An extraction that costs nothing: a few frames a clip.

    Args:
        peaks: folder in which each worker notes its peak memory.
        frames: a clip.
    """

    peaks: Path
    frames: int = 20

    def __call__(self, clip: Clip, wanted: Sequence[int]) -> list[Answer]:
        (self.peaks / str(os.getpid())).write_text(str(peak_mib()))
        return [Frames(np.full((self.frames, ROWS), len(clip.id), np.float32)) for _ in wanted]


def write_clips(folder: Path, count: int) -> list[Clip]:
    """Clips of noise as the lab's files hold them."""
    clips = []
    for number in range(count):
        rng = np.random.default_rng(number)
        array = np.vstack([rng.uniform(-80, 0, (128, COLUMNS)), rng.random((12, COLUMNS))])
        path = folder / f"{number:06d}.fused.full.npy.gz"
        with gzip.open(path, "wb") as stream:
            np.lib.format.write_array(stream, array)
        clips.append(Clip(f"{number:06d}", path))
    return clips


def rate(read: Callable[[str], object], names: Sequence[str], repeats: int) -> float:
    """Items a second, the median of several passes in random order."""
    rates = []
    for repeat in range(repeats):
        order = np.random.default_rng(repeat).permutation(len(names))
        began = time.perf_counter()
        for place in order:
            read(names[place])
        rates.append(len(names) / (time.perf_counter() - began))
    return statistics.median(rates)


def reading(folder: Path, count: int, repeats: int) -> Table:
    clips = write_clips(folder, count)
    reader = ArrayReader(beat=False)
    cache = open_or_build(folder / "cache", clips, reader, ReadArrays(reader), workers=1)
    path_of = {clip.id: clip.path for clip in clips}

    def crop(name: str) -> torch.Tensor:
        begin = (cache.lengths[cache.position[name]] - CROP) // 2
        return torch.from_numpy(np.array(cache.clip(name)[begin : begin + CROP])).float()

    files = rate(lambda name: reader(path_of[name]), cache.ids[:30], 1)
    whole = rate(lambda name: torch.from_numpy(np.array(cache.clip(name))).float(), cache.ids, repeats)
    crops = rate(crop, cache.ids, repeats)
    table = Table("what", "items/s", "beside .npy.gz", title=f"Reading, {count} clips of 30 s")
    table.add_row(".npy.gz, whole clip", f"{files:.0f}", "1")
    table.add_row("cache, whole clip", f"{whole:.0f}", f"{whole / files:.0f}")
    table.add_row("cache, crop of 5 s", f"{crops:.0f}", f"{crops / files:.0f}")
    return table


def sources(folder: Path, count: int) -> list[Clip]:
    """Empty files, a thousand a folder as in FMA's archives."""
    clips = []
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.mp3"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True)
        path.touch()
        clips.append(Clip(f"{number:06d}", path))
    return clips


def write_sparse(folder: Path, identity: Identity) -> None:
    """A cache of clips of 30 s whose frames were never written."""
    count = len(identity.ids)
    part = folder / PARTS / "main"
    part.mkdir(parents=True)
    write_json(folder / IDENTITY, identity.to_dict())
    (folder / "skipped.csv").write_text("id,path,reason,detail\n")
    lengths = np.full(count, COLUMNS, np.int64)
    begins = np.arange(count, dtype=np.int64) * COLUMNS
    seconds, zeros = np.full(count, 30, np.float32), np.zeros(count, np.int16)
    stamps, remarks = identity.stamps, [""] * count
    Index(list(identity.ids), stamps, ["main"], zeros, begins, lengths, seconds, begins, remarks).save(folder)
    with (part / FRAMES).open("wb") as stream:
        stream.truncate(count * COLUMNS * ROWS * 2)


def opening(folder: Path, count: int, repeats: int) -> Table:
    clips, reader = sources(folder / "audio", count), ArrayReader(beat=False)
    write_sparse(folder / "large", Identity.of(clips, reader))
    view, seconds = View(reader.blocks), []
    for _ in range(repeats):
        began = time.perf_counter()
        identity = Identity.of(clips, reader)
        checked = time.perf_counter()
        cache = FeatureCache(folder / "large", identity)
        opened = time.perf_counter()
        store = MappedStore(cache, cache.ids, view, Normalizer.identity(ROWS))
        chosen = np.random.default_rng(0).integers(0, count, BATCH)
        store.gather(chosen, np.zeros(BATCH, np.int64), CROP)
        seconds.append((checked - began, opened - checked, time.perf_counter() - opened))
    table = Table("step", "seconds", title=f"Opening {count} clips of 30 s ({count * COLUMNS * ROWS * 2 / 1e9:.0f} GB)")
    names = ("state of every source file", "index", f"first batch of {BATCH} crops")
    for name, found in zip(names, zip(*seconds, strict=True), strict=True):
        table.add_row(name, f"{statistics.median(found):.2f}")
    table.add_row("all", f"{statistics.median(map(sum, seconds)):.2f}")
    return table


def building(folder: Path, counts: Sequence[int]) -> Table:
    """Each build in a process of its own, since a process keeps its peak."""
    table = Table("clips", "clips/s", "writer, MiB", "a worker, MiB", title="Building: peak memory, nothing to extract")
    for count in counts:
        command = [
            sys.executable,
            "-m",
            "benchmarks.cache",
            "--build",
            str(folder / f"built{count}"),
            "--many",
            str(count),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        table.add_row(str(count), *done.stdout.split())
    return table


def build_once(folder: Path, count: int) -> None:
    """Prints clips a second, and the peak memory of this process and of its largest worker."""
    clips = sources(folder / "audio", count)
    began = time.perf_counter()
    peaks = folder / "peaks"
    peaks.mkdir()
    build([(folder / "cache", ArrayReader(beat=False))], clips, FewFrames(peaks), workers=2)
    seconds = time.perf_counter() - began
    worker = max(float(path.read_text()) for path in peaks.iterdir())
    print(f"{count / seconds:.0f}", f"{peak_mib():.0f}", f"{worker:.0f}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cache", description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=300, help="clips that are read (default: 300)")
    parser.add_argument("--many", type=int, default=100_000, help="clips of the large cache (default: 100000)")
    parser.add_argument("--repeats", type=int, default=5, help="passes, of which the median counts (default: 5)")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        build_once(arguments.build, arguments.many)
        return 0
    torch.set_num_threads(1)
    console = Console()
    with tempfile.TemporaryDirectory() as made:
        for name in ("reading", "opening", "building"):
            (Path(made) / name).mkdir()
        console.print(reading(Path(made) / "reading", arguments.clips, arguments.repeats))
        console.print(opening(Path(made) / "opening", arguments.many, arguments.repeats))
        console.print(building(Path(made) / "building", (arguments.clips, arguments.many)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
