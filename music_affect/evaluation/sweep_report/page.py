"""A sweep's report as a page and as Markdown: what the templates ``page.html`` and ``report.md`` beside this show."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from music_affect.evaluation.sweep_report.answers import draw_answers
from music_affect.evaluation.sweep_report.axes import axis_title
from music_affect.evaluation.sweep_report.columns import differences, interval, texts, undone
from music_affect.evaluation.sweep_report.contents import Contents, Section, alarm_groups, told
from music_affect.evaluation.sweep_report.figures import draw_cost, draw_curves, draw_matrix
from music_affect.evaluation.sweep_report.matrix import matrix_of
from music_affect.evaluation.sweep_report.wording import (
    HOW_TO_READ,
    NO_SCORES,
    differences_told,
    findings,
    verdict,
    warning,
)
from music_affect.evaluation.tables import render
from music_affect.system.plain_text import without_controls

_UNVARIED = {"varied": "nothing"}
_NUMBER = re.compile(r"–|(< )?[+-]?\d[\d.,]*( [±×\[].*)?[kMG]?")


def page(contents: Contents) -> str:
    """The text of ``report.html``; every text that is not the template's own is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: without_controls(value) if type(value) is str else value,
    )
    environment.globals |= {
        "alignment": _alignment, "axis_title": axis_title, "drawings": _drawings, "draw_matrix": draw_matrix,
        "interval": interval, "scale": _scale, "setting": told,
    }  # fmt: skip
    return environment.get_template("page.html").render(_said(contents))


def markdown(contents: Contents) -> str:
    """The text of ``report.md``: the tables of the page, without its figures."""
    facts = contents.facts | ({f"varied: {name}": values for name, values in contents.varied.items()} or _UNVARIED)
    return render(Path(__file__).parent / "report.md", facts=facts, **_said(contents))


def _said(contents: Contents) -> dict[str, Any]:
    """What both templates show."""
    return {
        "contents": contents,
        "warning": warning(contents),
        "undone": [undone(run) for run in contents.undone],
        "alarms": alarm_groups(contents),
        "no_scores": NO_SCORES,
        "how_to_read": HOW_TO_READ,
        "matrix_of": matrix_of,
        "verdict": verdict,
        "leaderboard": lambda section: [texts(section, row) for row in section.rows],
        "differences": differences,
        "differences_told": differences_told,
        "findings": findings,
    }


def _alignment(rows: Sequence[Mapping[str, str]], heading: str, drawn: Collection[str]) -> str:
    """Columns of figures stand to the right."""
    numbers = heading not in drawn and all(_NUMBER.fullmatch(row[heading]) for row in rows)
    return "number" if numbers else "words"


def _scale(section: Section) -> Callable[[float], str]:
    """Where a value stands on the bars of a leaderboard, which run over all of its scores and intervals."""
    values = [row.score for row in section.rows]
    values += [end for row in section.rows if row.resampled is not None for end in row.resampled.interval]
    values += [linear for row in section.rows if (linear := row.references.get("linear")) is not None]
    low, high = min(values), max(values)
    return lambda value: f"{100 * (value - low) / ((high - low) or 1):.1f}%"


def _drawings(section: Section) -> dict[str, str]:
    """The figures of a leaderboard as SVG, by caption."""
    drawn = {
        "Learning curves, the mean over seeds and folds": draw_curves(section),
        "Score over cost; numbers are ranks, lines 95 % intervals": draw_cost(section),
        **draw_answers(section, section.rows[0], "highest score"),
        **(draw_answers(section, section.rows[-1], "lowest score") if len(section.rows) > 1 else {}),
    }
    return {caption: svg for caption, svg in drawn.items() if svg is not None}
