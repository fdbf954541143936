"""What a person reads on the console."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def make() -> Console:
    """The console that entry points write to."""
    return Console(soft_wrap=True)


def print_summary(console: Console, metrics: Mapping[str, Any], folder: Path) -> None:
    """One table: the test figures beside the references, the alarms, and where the report is."""
    if "test" not in metrics:
        return
    test = metrics["test"]
    label = "SYNTHETIC music, " if metrics["synthetic"] else ""
    table = Table(
        title=f"{label}{test['clips']} test clips, seed {metrics['seed']}, 95 % intervals", title_justify="left"
    )
    for heading in ("", "macro F1", "accuracy"):
        table.add_column(heading)
    rows = {metrics["model"]: test, **{f"{name} (reference)": scores for name, scores in metrics["references"].items()}}
    for name, scores in rows.items():
        table.add_row(name, figure(scores["f1_macro"]), figure(scores["accuracy"]))
    console.print(table)
    console.print(
        f"Tested: the {metrics['weights']['kind']} weights ({metrics['weights']['reason']}).", highlight=False
    )
    for alarm in metrics["alarms"]:
        console.print(f"[bold red]ALARM[/] {alarm['name']}: {alarm['message']}", highlight=False)
    console.print(f"Report: {folder / 'report.md'}", highlight=False)


def print_scores(console: Console, scored: Mapping[str, Any]) -> None:
    """The figures of an evaluation in one line."""
    scores = scored["scores"]
    label = "[bold yellow]SYNTHETIC music[/]  " if scored["synthetic"] else ""
    console.print(
        f"{label}{scored['data']}, {scored['part']} part, {scores['clips']} clips: "
        f"macro F1 {figure(scores['f1_macro'])}, accuracy {figure(scores['accuracy'])}",
        highlight=False,
    )


def figure(score: Mapping[str, float]) -> str:
    """A score with its interval."""
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]".replace("[", r"\[")
