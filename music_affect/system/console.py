"""What a person reads on the console."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from music_affect.system.plain_text import on_one_line, without_controls

_DECIDING = ("f1_macro", "spearman", "average_precision")  # of classes, scales and tags

WIDTH_WITHOUT_TERMINAL = 170  # a log file has room for tables


class PlainConsole(Console):
    """A console on which text is text, whoever wrote it: no markup, no emojis, no colours of numbers, and what would
    move the cursor or turn the direction of reading is written out. A ``Text`` is styled; a line stays one line.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **settings)

    def print(self, *objects: Any, **settings: Any) -> None:
        super().print(*(on_one_line(one) if isinstance(one, str) else one for one in objects), **settings)

    def render_str(self, text: str, **settings: Any) -> Text:
        return super().render_str(without_controls(text), **settings)  # before a table measures its cells

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else without_controls(text), style, control)


def make() -> Console:
    """The console that entry points write to."""
    return PlainConsole(soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)


def print_summary(console: Console, metrics: Mapping[str, Any], folder: Path) -> None:
    """One table: the test figures beside the references, the alarms, and where the report is."""
    if "test" not in metrics:
        return
    label = "SYNTHETIC music, " if metrics["synthetic"] else ""
    clips = metrics["clips"]["test"]
    title = f"{label}{clips} test clips, seed {metrics['seed']}, {intervals_over(metrics['test'])}"
    table = Table(title=title, title_justify="left")
    columns = {metrics["model"]: metrics["test"], **metrics["references"]}
    for heading in ("", *(name if name == metrics["model"] else f"{name} (reference)" for name in columns)):
        table.add_column(heading)
    found = {name: figures(scores) for name, scores in columns.items()}
    for row in found[metrics["model"]]:  # a row a figure: several labels would make a table of models too wide
        table.add_row(row, *(scores.get(row, "") for scores in found.values()))  # the kernel answers scales alone
    console.print(table)
    console.print(f"Tested: the {metrics['weights']['kind']} weights ({metrics['weights']['reason']}).")
    print_alarms(console, metrics["alarms"])
    console.print(f"Report: {folder / 'report.md'}")


def print_alarms(console: Console, alarms: Sequence[Mapping[str, str]]) -> None:
    """What to look at before a figure is believed, a line each."""
    for alarm in alarms:
        console.print(Text.assemble(("ALARM", "bold red"), on_one_line(f" {alarm['name']}: {alarm['message']}")))


def print_scores(console: Console, scored: Mapping[str, Any]) -> None:
    """The figures of an evaluation in one line."""
    scores = scored["scores"]
    clips = max(part["clips"] for part in scores.values())
    told = ", ".join(f"{name} {value}" for name, value in figures(scores).items())
    line = on_one_line(f"{scored['data']}, {scored['part']} part, {clips} clips: {told} ({intervals_over(scores)})")
    console.print(synthetic_label(scored["synthetic"]).append(line))
    print_alarms(console, scored["alarms"])


def synthetic_label(synthetic: bool) -> Text:
    """What stands before everything that was measured on music that a program made; nothing before other music."""
    return Text.assemble(("SYNTHETIC music", "bold yellow"), "  ") if synthetic else Text()


def figures(scores: Mapping[str, Any]) -> dict[str, str]:
    """The figures that stand for a run, by their names, with intervals."""
    found: dict[str, Any] = {}
    if "classification" in scores:
        found |= {"macro F1": scores["classification"]["f1_macro"], "accuracy": scores["classification"]["accuracy"]}
    if "tagging" in scores:
        tags = scores["tagging"]
        counted = f"{tags['scored']} of {len(tags['per_tag'])} tags"
        found |= {f"macro average precision, {counted}": tags["average_precision"], "macro ROC-AUC": tags["roc_auc"]}
    if "regression" in scores:
        by_target = scores["regression"]["by_target"]
        if len(by_target) > 1:
            found["mean Spearman"] = scores["regression"]["spearman"]
        found |= {f"Spearman, {name}": values["spearman"] for name, values in by_target.items()}
    return {name: figure(value) for name, value in found.items()}


def figure(score: Mapping[str, float | None]) -> str:
    """A score with its interval, where there is one."""
    value, low, high = (score[name] for name in ("value", "low", "high"))
    if value is None:
        return "unknown"
    return f"{value:.3f}" if low is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def intervals_over(scores: Mapping[str, Any]) -> str:
    """What the intervals of all scores are over: ``95 % intervals over 107 groups, of one training``."""
    found = [part["intervals"] for part in scores.values()]
    units = " and ".join(dict.fromkeys(f"{one['count']} {one['over']}" for one in found))
    deciding = [part[name] for part in scores.values() for name in _DECIDING if name in part]
    if all(one.get("low") is None for one in deciding):
        return f"no intervals: {units} are too few"
    seeds = found[0]["seeds"]
    return f"95 % intervals over {units}" + (f" and {seeds} seeds" if seeds else ", without the luck of training")


def duration(seconds: float) -> str:
    """A time to be read: ``45 s``, ``3 min 20 s``, ``2 h 5 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
