"""What every logger is given of a finished run, as flat figures and plain rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from music_affect.runs.reader import RunFolder

Cell = str | float | None


def figures(run: RunFolder) -> dict[str, float]:
    """All figures of a run by path: ``test/f1_macro``, its interval as ``…_low`` and ``…_high``, the references'.

    ``val_tested`` holds the validation figures of the weights that were tested; ``val`` would be those of an epoch.
    """
    metrics = run.metrics
    scored = {"test": metrics["test"], "val_tested": metrics.get("val") or {}, **metrics["references"]}
    found = {f"{place}/{name}": value for place, scores in scored.items() for name, value in _scores(scores).items()}
    counts = {f"{part}/clips": metrics["clips"][part] for part in ("train", "val", "test") if part in metrics["clips"]}
    seconds = {f"seconds/{part}": value for part, value in (metrics.get("seconds") or {}).items()}
    facts = {
        "score": metrics.get("score"),
        "parameters": metrics.get("parameters"),
        "tested_epoch": metrics["weights"]["epoch"],
        "alarms": len(metrics.get("alarms", [])),
    }
    known = {name: float(value) for name, value in {**facts, **counts, **seconds}.items() if value is not None}
    return known | found


def predictions(run: RunFolder) -> tuple[tuple[str, ...], list[list[Cell]]]:
    """``predictions.csv`` as column names and rows; probabilities and values on scales are numbers."""
    if not run.predictions:
        return (), []
    columns = tuple(run.predictions[0])
    named = [name for name, kind in run.targets.items() if kind.outcomes]
    words = {"id", "split", "group", *named, *(f"predicted {name}" for name in named)}
    return columns, [[_cell(row[name], name in words) for name in columns] for row in run.predictions]


def alarms(run: RunFolder) -> list[tuple[str, str]]:
    """Name and message of each alarm."""
    return [(alarm["name"], alarm["message"]) for alarm in run.metrics.get("alarms", [])]


def pictures(run: RunFolder) -> dict[str, Path]:
    """The figures that the report shows, by the name of their file."""
    return {path.stem: path for path in sorted((run.path / "figures").glob("*.png"))}


def _scores(scores: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in ("classification", "regression", "tagging"):
        found |= _numbers(scores.get(part) or {})
    return found


def _numbers(scores: Mapping[str, Any]) -> dict[str, float]:
    """Figures and their intervals, scale by scale too; counts and tables are left out."""
    found: dict[str, float] = {}
    for name, value in scores.items():
        if isinstance(value, Mapping) and "value" in value:
            ends = {name: value["value"], f"{name}_low": value.get("low"), f"{name}_high": value.get("high")}
            found |= {key: float(end) for key, end in ends.items() if end is not None}
        elif isinstance(value, int | float) and name not in ("clips", "scored"):
            found[name] = float(value)
    for target, own in (scores.get("by_target") or {}).items():
        found |= {f"{target}/{name}": value for name, value in _numbers(own).items()}
    return found


def _cell(text: str, is_word: bool) -> Cell:
    if is_word:
        return text
    return float(text) if text else None
