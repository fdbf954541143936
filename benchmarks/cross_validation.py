"""Macro F1 over the folds of a data set, out-of-fold predictions pooled, several seeds.

    python -m benchmarks.cross_validation --models cnn lstm --seeds 0 1 2 -- data=folder data.root=MUSIC

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
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from music_affect import files
from music_affect.evaluation.scores import classification_scores


def main() -> None:
    """Runs the cells and prints one row a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", required=True, help="files of conf/model/")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--jobs", type=int, default=2, help="runs at once, each on its share of the cores")
    parser.add_argument("--outputs", type=Path, default=Path("outputs/cross_validation"))
    parser.add_argument("overrides", nargs="*", help="further words for music_affect.train, after --")
    arguments = parser.parse_args()
    cells = [(model, seed, fold) for model in arguments.models for seed in arguments.seeds for fold in arguments.folds]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        folders = list(pool.map(lambda cell: run_cell(cell[0], cell[1], cell[2], arguments), cells))
    by_cell = dict(zip(cells, folders, strict=True))
    table = Table(title=f"Macro F1, {len(arguments.folds)} folds pooled, {len(arguments.seeds)} seeds")
    for heading in ("model", "clips", "mean ± sd", "each seed", "95 % of the first seed", "seconds a fold"):
        table.add_column(heading)
    for model in arguments.models:
        table.add_row(
            model, *row([[by_cell[model, seed, fold] for fold in arguments.folds] for seed in arguments.seeds])
        )
    Console(width=140).print(table)


def run_cell(model: str, seed: int, fold: int, arguments: argparse.Namespace) -> Path:
    """Trains one cell unless it is finished; its run folder."""
    folder = Path(arguments.outputs) / f"{model}-s{seed}-f{fold}"
    if not (folder / "metrics.json").is_file():
        words = [f"model={model}", f"seed={seed}", f"data.fold={fold}", *arguments.overrides, f"hydra.run.dir={folder}"]
        threads = str(max(1, (os.cpu_count() or 1) // arguments.jobs))
        environment = {**os.environ, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-m", "music_affect.train", *words, "resume=true"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return folder


def row(seeds: Sequence[Sequence[Path]]) -> list[str]:
    """Cells of the table for one model: folders by seed and fold."""
    pooled = [pool(folders) for folders in seeds]
    values = np.array([scores["f1_macro"]["value"] for scores in pooled])
    seconds = [
        files.read_json(folder / "metrics.json")["seconds"]["training"] for folders in seeds for folder in folders
    ]
    interval = pooled[0]["f1_macro"]
    return [
        str(pooled[0]["clips"]),
        f"{values.mean():.3f} ± {values.std(ddof=1) if len(values) > 1 else 0:.3f}",
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
    return classification_scores(probabilities / probabilities.sum(1, keepdims=True), labels, classes)


if __name__ == "__main__":
    main()
