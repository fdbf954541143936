"""A sweep's report as Markdown: the tables of the page, without its figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from music_affect.evaluation.sweep.columns import compared, texts, undone
from music_affect.evaluation.sweep.contents import Contents, Section, alarm_groups
from music_affect.evaluation.sweep.matrix import Column, matrix_of
from music_affect.evaluation.sweep.wording import HOW_TO_READ, NO_SCORES, verdict, warning
from music_affect.evaluation.tables import bold, code_block, escaped, table


def markdown(contents: Contents) -> str:
    """The text of ``report.md``."""
    told = warning(contents)
    parts = [
        f"# Sweep: {escaped(contents.title)}",
        f"> {bold(told)}" if told else "",
        table(["", ""], {**contents.facts, **_varied(contents)}.items()),
    ]
    parts += [part for section in contents.sections for part in _section(section)] or [NO_SCORES]
    if contents.undone:
        parts += ["## Runs without a score", _table(undone(run) for run in contents.undone)]
    parts += ["## Alarms", _alarms(contents)]
    if contents.sections:
        parts += ["## How to read this", "\n".join(f"- {line}" for line in HOW_TO_READ)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: Section) -> list[str]:
    label = " (SYNTHETIC music)" if section.synthetic else ""
    parts = [f"## {escaped(section.title)}{label}", escaped(f"{verdict(section)} Decided by {section.score_name}.")]
    parts.append(_table(texts(section, row) for row in section.rows))
    parts.append("\n".join(f"- {escaped(note)}" for note in section.all_notes))
    if matrix := matrix_of([section]):
        header = ["", *(matrix.heading(column) for column in matrix.columns)]
        lines = [
            [model, *(_place(matrix.scores, (model, column)) for column in matrix.columns)] for model in matrix.models
        ]
        parts += ["### Model × features × data", table(header, lines)]
    if section.comparisons:
        parts += ["### Neighbours compared", _table(compared(section, found) for found in section.comparisons)]
    commands = [line for row in section.rows for line in (f"# {section.name(row)}", row.command)]
    return [*parts, "### Commands", code_block(commands)]


def _varied(contents: Contents) -> dict[str, str]:
    return {f"varied: {name}": values for name, values in contents.varied.items()} or {"varied": "nothing"}


def _place(scores: Mapping[tuple[str, Column], float | None], place: tuple[str, Column]) -> str | None:
    if place not in scores:
        return None
    score = scores[place]
    return "no score" if score is None else f"{score:.3f}"


def _alarms(contents: Contents) -> str:
    lines = [
        f"- {bold(group.name)}, {group.runs} runs ({escaped('; '.join(group.rows))}). "
        f"For example: {escaped(group.message)}"
        for group in alarm_groups(contents)
    ]
    return "\n".join(lines) or "None."


def _table(rows: Iterable[Mapping[str, str]]) -> str:
    lines = list(rows)
    return table(list(lines[0]), [list(line.values()) for line in lines])
