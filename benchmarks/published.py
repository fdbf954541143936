r"""Published systems measured on the synthetic corpus, and the table of a finished sweep.

    python -m benchmarks.published --measure --rows published/s1/cnn_mel published/ours/cnn_mel \
        --clips 300 --epochs-cap 10
    python -m benchmarks.published --table multirun/2026-01-31_12-00-00 --write table.md

``--measure`` trains each experiment of docs/published-systems.md as an ordinary run of music_affect.train on synthetic
clips and writes the scores into that page; a cell that was not measured under the same conditions becomes a dash.
Finished runs are read, not repeated. A row that starts from another run needs that one first.

``--table`` reads the run folders under the given ones and sorts them by score.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from benchmarks.published_page import experiments, filled, score
from music_affect.configuration import compose as configuration
from music_affect.system import files

PAGE = Path(__file__).parents[1] / "docs" / "published-systems.md"
HEADINGS = ("cell", "score", "95 %", "training, s")
Row = tuple[str, ...]


def main() -> None:
    """Measures, or prints a table."""
    arguments = parse()
    if arguments.measure:
        measure(arguments)
    else:
        show(rows(arguments.table), arguments.write)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.published", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--measure", action="store_true", help="train the experiments and rewrite the page")
    task.add_argument("--table", nargs="+", type=Path, metavar="FOLDER", help="print the runs in these folders")
    parser.add_argument("--rows", nargs="+", metavar="EXPERIMENT", help="default: all of the page")
    parser.add_argument("--clips", type=int, default=600, help="of the synthetic corpus (default: 600)")
    parser.add_argument("--epochs-cap", type=int, help="train no longer than so many epochs")
    parser.add_argument("--outputs", type=Path, default=Path("outputs/published"))
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to rewrite")
    parser.add_argument("--write", type=Path, metavar="FILE", help="the table as Markdown as well")
    return parser.parse_args()


def measure(arguments: argparse.Namespace) -> None:
    """Trains what is not finished yet, and fills the page with all that is."""
    page = arguments.page.read_text(encoding="utf-8")
    listed = experiments(page)
    for name in set(arguments.rows or []) - set(listed):
        raise SystemExit(f"{name} is no row of {arguments.page}; expected some of {', '.join(listed)}")
    cap = arguments.epochs_cap
    root = arguments.outputs / f"clips{arguments.clips}{'' if cap is None else f'-epochs{cap}'}"
    scores: dict[str, str] = {}
    for name in listed:
        words, folder = run_words(name, arguments.clips, cap, root)
        if name in (arguments.rows or listed) and not finished(folder):
            train(name, words)
        if finished(folder):
            scores[name] = score(files.read_json(folder / "metrics.json"))
            files.write_text(arguments.page, filled(page, scores, conditions(arguments.clips, cap)))


def run_words(name: str, clips: int, cap: int | None, root: Path) -> tuple[list[str], Path]:
    """The words after ``music_affect.train`` for an experiment on synthetic clips, and the folder of that run."""
    cfg = configuration.check_overrides("train", [f"experiment={name}"])
    data = "synthetic_beat" if cfg.data.beat else "synthetic"
    words = [f"experiment={name}", f"data={data}", f"data.source.num_clips={clips}", f"paths.outputs={root}"]
    if cap is not None and not cfg.loader.overfit_batches:
        words.append(f"trainer.max_epochs={min(cap, cfg.trainer.max_epochs)}")
    return [*words, "resume=true"], Path(configuration.check_overrides("train", words).hydra.run.dir)


def train(name: str, words: Sequence[str]) -> None:
    """One run in a process of its own; the reason is printed where it fails."""
    print(f"{name}: python -m music_affect.train {' '.join(words)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "music_affect.train", *words], capture_output=True, text=True)
    if done.returncode:
        print(f"{name} has no score: {(done.stderr.strip().splitlines() or ['no reason was given'])[-1]}", flush=True)


def finished(folder: Path) -> bool:
    """Whether a folder holds a run that came to its end."""
    status = folder / "status.json"
    return status.is_file() and files.read_json(status)["state"] == "done"


def conditions(clips: int, cap: int | None) -> str:
    """How the figures on the page were measured."""
    epochs = "the epochs of each recipe" if cap is None else f"the epochs of each recipe, **but {cap} at most**"
    return f"{clips} synthetic clips of 10 s in ten genres, about a quarter of them to test on; one seed; {epochs}."


def rows(folders: Sequence[Path]) -> list[Row]:
    """Cells of the table, the best score first; runs without a score follow with the reason."""
    runs = sorted(path.parent for folder in folders for path in folder.rglob("status.json"))
    if not runs:
        raise SystemExit(f"no run in {', '.join(map(str, folders))}; expected folders with status.json files")
    names = cell_names(runs)
    done = [run for run in runs if "score" in figures(run)]
    done.sort(key=lambda run: figures(run)["score"], reverse=True)
    failed = [run for run in runs if run not in done]
    return [*(row(names[run], figures(run)) for run in done), *((names[run], reason(run), "", "") for run in failed)]


def cell_names(runs: Sequence[Path]) -> dict[Path, str]:
    """The words of each run that not all have, where a sweep recorded them, else the names of the folders."""
    words = {run: recorded(run) for run in runs}
    shared = set.intersection(*(set(own) for own in words.values()))
    return {run: " ".join(word for word in own if word not in shared) or run.name for run, own in words.items()}


def recorded(run: Path) -> list[str]:
    """The words of a cell as Hydra kept them; none outside sweeps."""
    path = run / ".hydra" / "overrides.yaml"
    return [str(word) for word in OmegaConf.load(path)] if path.is_file() else []


def figures(run: Path) -> dict[str, Any]:
    """What a run measured; nothing where it did not come to its end."""
    found: dict[str, Any] = files.read_json(run / "metrics.json") if finished(run) else {}
    return found


def reason(run: Path) -> str:
    """Why a run has no score."""
    status = files.read_json(run / "status.json")
    return " ".join(str(status.get("reason", status["state"])).split())


def row(name: str, metrics: dict[str, Any]) -> Row:
    """Name, deciding score, its interval (of each part where there are two) and seconds of training."""
    parts = (("classification", "f1_macro"), ("regression", "spearman"))
    found = [metrics["test"][part][figure] for part, figure in parts if part in metrics["test"]]
    intervals = "; ".join("none" if own["low"] is None else f"{own['low']:.3f} to {own['high']:.3f}" for own in found)
    return name, f"{metrics['score']:.3f}", intervals, f"{metrics['seconds']['training']:.0f}"


def show(found: Sequence[Row], path: Path | None) -> None:
    """Prints the table, and writes it where asked to."""
    table = Table()
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for cells in found:
        table.add_row(*cells)
    Console().print(table)
    if path is not None:
        lines = [HEADINGS, ("---",) * len(HEADINGS), *found]
        files.write_text(path, "".join(f"| {' | '.join(cells)} |\n" for cells in lines))


if __name__ == "__main__":
    main()
