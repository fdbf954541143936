"""A grid of 24 cells through every launcher beside a shell loop, and the memory of 50 cells in one process.

    python -m benchmarks.sweeps --launchers basic joblib submitit_local ray

- grid: 3 models × 2 features × 2 time scales × 2 seeds on the synthetic corpus, a few epochs each. The loop starts one
  process a cell, one after the other, as a shell script would; its time is 1. Features are there before any clock
  starts, so that launching and training are compared.
- memory: 50 cells one after the other in one process (basic launcher): resident memory and threads after each tenth.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

AXES = {
    "model": ["cnn_fast", "mlp", "linear"],
    "features": ["mel", "chroma"],
    "data": ["synthetic", "synthetic_beat"],
    "seed": ["0", "1"],
}
LAUNCHERS = {
    "basic": [],
    "joblib": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    "submitit_local": ["hydra/launcher=submitit_local"],
    "ray": [
        "hydra/launcher=ray",
        "+hydra.launcher.ray.init.num_cpus=2",
        "+hydra.launcher.ray.init.include_dashboard=false",
    ],
}
MANY = 50


def small(clips: int, epochs: int) -> list[str]:
    return [
        f"data.source.num_clips={clips}",
        "data.source.seconds=5",
        "trainer=cpu",
        f"trainer.max_epochs={epochs}",
        "loader.windows=2",
    ]


def train(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "MUSIC_AFFECT_CACHE": str(folder.parent / "cache")}
    command = [sys.executable, "-m", "music_affect.train", *words]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finished(folder: Path) -> int:
    """Runs that are done."""
    return sum(1 for _ in folder.rglob("metrics.json"))


def loop(folder: Path, common: Sequence[str]) -> float:
    """Seconds of a process a cell, one after the other."""
    began = time.perf_counter()
    for values in itertools.product(*AXES.values()):
        words = [f"{axis}={value}" for axis, value in zip(AXES, values, strict=True)]
        train(folder, *words, *common).wait()
    return time.perf_counter() - began


def sweep(folder: Path, launcher: str, common: Sequence[str]) -> float:
    """Seconds of the same cells through a launcher."""
    axes = [f"{axis}={','.join(values)}" for axis, values in AXES.items()]
    began = time.perf_counter()
    train(folder, "-m", *axes, *common, *LAUNCHERS[launcher]).wait()
    return time.perf_counter() - began


def grid(work: Path, launchers: Sequence[str], common: Sequence[str], console: Console) -> Table:
    cells = len(list(itertools.product(*AXES.values())))
    train(work / "warm", "-m", *(f"{axis}={','.join(AXES[axis])}" for axis in ("features", "data")), *common).wait()
    seconds = {"shell loop": loop(work / "loop", common)}
    console.print(f"shell loop: {seconds['shell loop']:.0f} s", highlight=False)
    done = {"shell loop": finished(work / "loop")}
    for launcher in launchers:
        seconds[launcher] = sweep(work / launcher, launcher, common)
        done[launcher] = finished(work / launcher)
        console.print(f"{launcher}: {seconds[launcher]:.0f} s", highlight=False)
    table = Table("way", "cells done", "seconds", "beside the loop", title=f"{cells} cells on {os.cpu_count()} cores")
    for way, spent in seconds.items():
        table.add_row(way, f"{done[way]} of {cells}", f"{spent:.0f}", f"{spent / seconds['shell loop']:.2f}")
    return table


def watched(process: subprocess.Popen[bytes], folder: Path) -> Iterator[tuple[int, int, int]]:
    """Finished cells, resident MiB and threads, each time that a tenth cell is done; Linux only."""
    told = 0
    while process.poll() is None:
        count = finished(folder)
        if count and (count == 1 or count % 10 == 0) and count != told:
            told = count
            status = dict(
                line.split(":", 1)
                for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
                if ":" in line
            )
            yield count, int(status["VmRSS"].split()[0]) // 1024, int(status["Threads"])
        time.sleep(0.05)


def memory(work: Path, common: Sequence[str]) -> Table:
    table = Table("cells", "resident, MiB", "threads", title=f"{MANY} cells in one process")
    words = ["-m", "model=cnn_fast", "data=synthetic_beat", f"seed=range(0,{MANY})", *common]
    for count, resident, threads in watched(train(work / "many", *words), work / "many"):
        table.add_row(str(count), str(resident), str(threads))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweeps", description=__doc__.splitlines()[0])
    parser.add_argument("--launchers", nargs="*", choices=LAUNCHERS, default=list(LAUNCHERS))
    parser.add_argument("--clips", type=int, default=120, help="of the corpus (default: 120)")
    parser.add_argument("--epochs", type=int, default=3, help="of each cell (default: 3)")
    arguments = parser.parse_args()
    console, common = Console(), small(arguments.clips, arguments.epochs)
    with tempfile.TemporaryDirectory() as made:
        console.print(grid(Path(made), arguments.launchers, common, console))
        console.print(memory(Path(made), common))
    return 0


if __name__ == "__main__":
    sys.exit(main())
