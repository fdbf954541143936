"""What a person reads on the console."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDTH_WITHOUT_TERMINAL = 170  # a log file has room for tables


def make() -> Console:
    """The console that entry points write to."""
    return Console(soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)


def print_summary(console: Console, metrics: Mapping[str, Any], folder: Path) -> None:
    """One table: the test figures beside the references, the alarms, and where the report is."""
    if "test" not in metrics:
        return
    label = "SYNTHETIC music, " if metrics["synthetic"] else ""
    clips = metrics["clips"]["test"]
    table = Table(title=f"{label}{clips} test clips, seed {metrics['seed']}, 95 % intervals", title_justify="left")
    columns = {metrics["model"]: metrics["test"], **metrics["references"]}
    for heading in ("", *(name if name == metrics["model"] else f"{name} (reference)" for name in columns)):
        table.add_column(heading)
    found = {name: figures(scores) for name, scores in columns.items()}
    for row in found[metrics["model"]]:  # a row a figure: several labels would make a table of models too wide
        table.add_row(row, *(scores[row] for scores in found.values()))
    console.print(table)
    console.print(
        f"Tested: the {metrics['weights']['kind']} weights ({metrics['weights']['reason']}).", highlight=False
    )
    print_alarms(console, metrics["alarms"])
    console.print(f"Report: {folder / 'report.md'}", highlight=False)


def print_alarms(console: Console, alarms: Sequence[Mapping[str, str]]) -> None:
    """What to look at before a figure is believed, a line each."""
    for alarm in alarms:
        console.print(f"[bold red]ALARM[/] {escape(alarm['name'])}: {escape(alarm['message'])}", highlight=False)


def print_scores(console: Console, scored: Mapping[str, Any]) -> None:
    """The figures of an evaluation in one line."""
    scores = scored["scores"]
    label = "[bold yellow]SYNTHETIC music[/]  " if scored["synthetic"] else ""
    clips = max(part["clips"] for part in scores.values())
    told = ", ".join(f"{name} {value}" for name, value in figures(scores).items())
    console.print(f"{label}{scored['data']}, {scored['part']} part, {clips} clips: {told}", highlight=False)
    print_alarms(console, scored["alarms"])


def figures(scores: Mapping[str, Any]) -> dict[str, str]:
    """The figures that stand for a run, by their names, with intervals."""
    found: dict[str, Any] = {}
    if "classification" in scores:
        found |= {"macro F1": scores["classification"]["f1_macro"], "accuracy": scores["classification"]["accuracy"]}
    if "regression" in scores:
        by_target = scores["regression"]["by_target"]
        if len(by_target) > 1:
            found["mean Spearman"] = scores["regression"]["spearman"]
        found |= {f"Spearman, {name}": values["spearman"] for name, values in by_target.items()}
    return {name: figure(value) for name, value in found.items()}


def figure(score: Mapping[str, float]) -> str:
    """A score with its interval."""
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]".replace("[", r"\[")


def duration(seconds: float) -> str:
    """A time to be read: ``45 s``, ``3 min 20 s``, ``2 h 5 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
