"""Macro F1 of models × features over seeds, and over folds with out-of-fold predictions pooled.

    python -m benchmarks.scores --models linear cnn lstm --seeds 0 1 2 --folds 0 1 2 3 4 -- data=folder data.root=MUSIC
    python -m benchmarks.scores --models majority linear lstm cnn ast --features mel chroma fused -- data=synthetic_beat

Every cell is an ordinary training run in a process of its own; finished cells are read, not repeated.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from music_affect import files
from music_affect.evaluation.scores import classification_scores

SEEDLESS = ("linear", "majority")  # the same with every seed


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
    table = Table(title=f"Macro F1, {' '.join(arguments.overrides)}, {len(folds)} fold(s), seeds {arguments.seeds}")
    for heading in (
        "model",
        "features",
        "clips",
        "mean ± sd",
        "each seed",
        "95 % of the first seed",
        "training, s a run",
    ):
        table.add_column(heading)
    for row in rows:
        table.add_row(*row, *figures([[folders[Cell(*row, seed, fold)] for fold in folds] for seed in seeds[row[0]]]))
    Console(width=150).print(table)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", required=True, help="files of conf/model/")
    parser.add_argument("--features", nargs="+", default=["fused"], help="files of conf/features/")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folds", nargs="*", type=int, default=[], help="none: the data set's own test part")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once, each on its share of the cores")
    parser.add_argument("--outputs", type=Path, default=Path("outputs/scores"), help="one folder for each data set")
    parser.add_argument("overrides", nargs="+", help="further words for music_affect.train, after --")
    return parser.parse_args()


def run(cell: Cell, arguments: argparse.Namespace) -> Path:
    """Trains one cell unless it is finished; its run folder."""
    folder: Path = arguments.outputs / cell.name
    if (folder / "metrics.json").is_file():
        return folder
    threads = str(max(1, (os.cpu_count() or 1) // arguments.jobs))
    words = [*cell.words, *arguments.overrides, f"hydra.run.dir={folder}", "resume=true"]
    command = [sys.executable, "-m", "music_affect.train", *words]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": threads}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return folder


def figures(seeds: Sequence[Sequence[Path]]) -> list[str]:
    """Cells of a table row, from the run folders by seed and fold."""
    pooled = [pool(folders) for folders in seeds]
    values = np.array([scores["f1_macro"]["value"] for scores in pooled])
    spread = f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else ""
    seconds = [files.read_json(path / "metrics.json")["seconds"]["training"] for folders in seeds for path in folders]
    interval = pooled[0]["f1_macro"]
    return [
        str(pooled[0]["clips"]),
        f"{values.mean():.3f}{spread}",
        " ".join(f"{value:.3f}" for value in values),
        f"{interval['low']:.3f} to {interval['high']:.3f}",
        f"{np.median(seconds):.0f}",
    ]


def pool(folders: Sequence[Path]) -> dict[str, Any]:
    """Scores over the test clips of all folds together."""
    metrics = files.read_json(folders[0] / "metrics.json")
    classes, target = metrics["classes"], metrics["target"]
    rows = [row for folder in folders for row in files.read_csv(folder / "predictions.csv") if row["split"] == "test"]
    probabilities = np.array([[float(row[f"p({name})"]) for name in classes] for row in rows])
    labels = np.array([classes.index(row[target]) for row in rows])
    return classification_scores(probabilities / probabilities.sum(axis=1, keepdims=True), labels, classes)


if __name__ == "__main__":
    main()
