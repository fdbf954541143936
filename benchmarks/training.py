"""Seconds an epoch beside a bare loop and beside the lab's way of loading, and seconds until training starts.

    python -m benchmarks.training --models lstm cnn ast --clips 240 --epochs 3 --repeats 3

- ours: ``music_affect.training.fit.fit`` over a real feature cache, with its callbacks, checkpoints and scores.
- bare: the same network, optimizer, schedule and clipping in a plain loop over the batches of one epoch, ready in
  memory. It loads, scores and saves nothing: the limit.
- lab: the plain loop over a default DataLoader that opens one .npy file a clip and pads it with zeros (in dB) to the
  longest clip. lstm reads whole beat clips on every side. cnn and ast read the first 150 frames (3.5 s) of a clip, as
  a published report did, since whole clips at full rate would take minutes an epoch; ours reads a random crop of 5 s
  (cnn) or 12 s (ast) with frames averaged in fours. So these two compare recipes as much as loading.

The sides take turns in one process with the same number of threads (OMP_NUM_THREADS), and one epoch of each is run
before the clock starts. What favours the others: ``fit`` sets the memory allocation of the process, which speeds up
all three, and the files have just been written, so that nobody waits for a disk. The clips are noise in the shape of
the lab's sets. "loading" is what a loader takes alone, as a share of its side's epoch; the rest is the model.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.epochs import DATA, Turn, contest

SMALL_RUN = ["model=lstm", "data=synthetic_beat", "data.source.num_clips=40", "data.source.seconds=3", "trainer=cpu"]
ONE_STEP = ["trainer.max_epochs=1", "trainer.limit_train_batches=1", "overwrite=true"]


def epoch_table(turns: Mapping[str, Sequence[Turn]]) -> Table:
    """One row a model; ratios and shares are formed within each turn, then their median is taken."""
    table = Table(title=f"Seconds an epoch, medians, threads: {torch.get_num_threads()}")
    table.add_column("model")
    for heading in ("ours", "bare", "lab", "ours / bare", "lab / ours", "loading, ours", "loading, lab"):
        table.add_column(heading, justify="right")
    for model, found in turns.items():
        table.add_row(
            model,
            *(f"{median(turn[side] for turn in found):.3f}" for side in range(3)),
            f"{median(turn.ours / turn.bare for turn in found):.2f}",
            f"{median(turn.lab / turn.ours for turn in found):.2f}",
            f"{median(turn.our_loader / turn.ours for turn in found):.1%}",
            f"{median(turn.lab_loader / turn.lab for turn in found):.1%}",
        )
    return table


def startup_table(folder: Path, repeats: int) -> Table:
    """Times whole processes that train a single step on 40 synthetic clips with cached features.

    The step is over once metrics.csv is there, which is written as its epoch of one step ends.
    """
    words = [*SMALL_RUN, *ONE_STEP, f"paths.cache={folder}/cache", f"hydra.run.dir={folder}/run"]
    train = [sys.executable, "-m", "music_affect.train", *words]
    process_seconds(train)  # composes the clips and extracts their features
    imports, first, whole = [], [], []
    for _ in track(range(repeats), "starting", transient=True):
        imports.append(process_seconds([sys.executable, "-c", "import torch, lightning.pytorch"]))
        began = time.time()
        whole.append(process_seconds(train))
        first.append((folder / "run" / "metrics.csv").stat().st_mtime - began)
    table = Table("measured", "seconds", title="From the start of a process, warm cache, medians")
    table.add_row("importing torch and Lightning, nothing else", f"{median(imports):.2f}")
    table.add_row("music_affect.train until its first step is done", f"{median(first):.2f}")
    table.add_row("the same process to its end: references, test, report", f"{median(whole):.2f}")
    return table


def process_seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - began


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=list(DATA), default=list(DATA), help="default: all")
    parser.add_argument("--clips", type=int, default=240, help="training clips of each set (default: 240)")
    parser.add_argument("--epochs", type=int, default=3, help="timed in each measurement (default: 3)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of all sides (default: 3)")
    arguments = parser.parse_args()
    # Fewer clips than two a genre leave a batch too small for batch statistics.
    if arguments.clips < 20 or arguments.epochs < 1 or arguments.repeats < 1:
        parser.error("at least 20 clips, 1 epoch and 1 repeat are needed")
    return arguments


def main() -> None:
    """Prints both tables."""
    arguments = parse_arguments()
    console = Console()
    turns = {}
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models:
            sides = contest(model, Path(folder), arguments.clips, arguments.epochs)
            repeats = track(range(arguments.repeats), model, console=console, transient=True)
            turns[model] = [sides.turn() for _ in repeats]
        console.print(epoch_table(turns))
        console.print(startup_table(Path(folder), arguments.repeats))


if __name__ == "__main__":
    main()
