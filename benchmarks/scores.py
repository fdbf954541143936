"""Macro F1 and mean Spearman of models × features over seeds, and over folds with out-of-fold predictions pooled.

    python -m benchmarks.scores --models linear cnn lstm --seeds 0 1 2 --folds 0 1 2 3 4 -- data=folder data.root=MUSIC
    python -m benchmarks.scores --models majority linear lstm cnn ast --features mel chroma fused -- data=synthetic_beat
    python -m benchmarks.scores --models linear cnn --outputs outputs/joint -- data=synthetic task=joint

Every cell is an ordinary training run in a process of its own; a finished one is not repeated, and refused where other
words made it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from music_affect.evaluation.pooling import pool
from music_affect.runs.reader import read_run
from music_affect.system import files

SEEDLESS = ("linear", "majority", "kernel", "knn")  # the same with every seed
FIGURES = {"macro F1": ("classification", "f1_macro"), "mean Spearman": ("regression", "spearman")}


class Cell(NamedTuple):
    """One training run; ``fold`` is None for the data set's own test part."""

    model: str
    features: str
    seed: int
    fold: int | None

    @property
    def name(self) -> str:
        fold = "" if self.fold is None else f"-f{self.fold}"
        return f"{self.features}-{self.model}-s{self.seed}{fold}"

    @property
    def words(self) -> list[str]:
        fold = [] if self.fold is None else [f"data.fold={self.fold}"]
        return [f"model={self.model}", f"features={self.features}", f"seed={self.seed}", *fold]


def main() -> None:
    """Runs the cells and prints one row for each model and feature set."""
    arguments = parse()
    seeds = {model: arguments.seeds[:1] if model in SEEDLESS else arguments.seeds for model in arguments.models}
    folds: list[int | None] = list(arguments.folds) or [None]
    rows = [(model, features) for model in arguments.models for features in arguments.features]
    cells = [Cell(*row, seed, fold) for row in rows for seed in seeds[row[0]] for fold in folds]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        runs = pool.map(lambda cell: run(cell, arguments), cells)
        folders = dict(zip(cells, track(runs, "Runs", total=len(cells)), strict=True))
    seeded = {row: [[folders[Cell(*row, seed, fold)] for fold in folds] for seed in seeds[row[0]]] for row in rows}
    title = f"{' '.join(arguments.overrides)}, {len(folds)} fold(s), seeds {' '.join(map(str, arguments.seeds))}"
    Console(width=180).print(score_table(title, seeded))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", required=True, help="files of conf/model/")
    parser.add_argument("--features", nargs="+", default=["fused"], help="files of conf/features/")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folds", nargs="*", type=int, default=[], help="none: the data set's own test part")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once, each on its share of the cores")
    parser.add_argument(
        "--outputs", type=Path, default=Path("outputs/scores"), help="one folder for each data set and task"
    )
    parser.add_argument("overrides", nargs="+", help="further words for music_affect.train, after --")
    return parser.parse_args()


def run(cell: Cell, arguments: argparse.Namespace) -> Path:
    """Trains one cell unless it is finished; its run folder."""
    folder: Path = arguments.outputs / cell.name
    threads = str(max(1, (os.cpu_count() or 1) // arguments.jobs))
    words = [*cell.words, *arguments.overrides, f"hydra.run.dir={folder}", "resume=true"]
    command = [sys.executable, "-m", "music_affect.train", *words]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": threads}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return folder


def score_table(title: str, rows: Mapping[tuple[str, str], Sequence[Sequence[Path]]]) -> Table:
    """One row a model and feature set.

    Args:
        title: of the table.
        rows: run folders by seed and fold, for each model and feature set.
    """
    lines = {row: figures(seeds) for row, seeds in rows.items()}
    table = Table(title=title, title_justify="left")
    for heading in ("model", "features", *next(iter(lines.values()))):
        table.add_column(heading)
    for row, line in lines.items():
        table.add_row(*row, *line.values())
    return table


def figures(seeds: Sequence[Sequence[Path]]) -> dict[str, str]:
    """Cells of a table row by their headings, from the run folders by seed and fold."""
    pooled = [pool([read_run(folder) for folder in folders]) for folders in seeds]
    scores = [together.scores() for together in pooled]
    found = {"clips": str(len(pooled[0].clips))}
    for heading, (part, name) in FIGURES.items():
        if part in scores[0]:
            values = np.array([each[part][name]["value"] for each in scores])
            spread = f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else ""
            interval = scores[0][part][name]
            found[heading] = f"{values.mean():.3f}{spread}"
            found[f"{heading}, each seed"] = " ".join(f"{value:.3f}" for value in values)
            ends = [interval[end] for end in ("low", "high")]
            found[f"{heading}, 95 % of the first"] = (
                "none" if None in ends else " to ".join(f"{end:.3f}" for end in ends)
            )
    seconds = [files.read_json(path / "metrics.json")["seconds"]["training"] for folders in seeds for path in folders]
    return found | {"training, s a run": f"{np.median(seconds):.0f}"}


if __name__ == "__main__":
    main()
