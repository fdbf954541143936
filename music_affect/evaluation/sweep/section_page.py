"""One leaderboard on the page: its table, matrix, comparisons, figures and commands."""

from __future__ import annotations

from html import escape

from music_affect.evaluation.sweep.answers import draw_answers
from music_affect.evaluation.sweep.axes import axis_title
from music_affect.evaluation.sweep.columns import INTERVAL, NAME, SCORE, compared, interval, texts
from music_affect.evaluation.sweep.contents import Section, told
from music_affect.evaluation.sweep.figures import draw_cost, draw_curves, draw_matrix
from music_affect.evaluation.sweep.leaderboard import Row
from music_affect.evaluation.sweep.markup import element, figure, table, text
from music_affect.evaluation.sweep.matrix import Column, Matrix, matrix_of
from music_affect.evaluation.sweep.wording import verdict


def section_markup(section: Section, anchor: str) -> str:
    """A ``<section>``.

    Args:
        section: what it shows.
        anchor: its id on the page.
    """
    label = text("small", "SYNTHETIC music", class_="synthetic") if section.synthetic else ""
    heading = element("h2", escape(section.title) + label)
    lead = text("p", f"{verdict(section)} Decided by {section.score_name}.", class_="lead")
    parts = [heading, lead, _leaderboard(section), _notes(section), _matrix(section), _comparisons(section)]
    return element("section", "".join([*parts, _figures(section), _commands(section)]), id=anchor)


def _leaderboard(section: Section) -> str:
    low, high = _ends(section)
    rows = []
    for row in section.rows:
        cells = texts(section, row)
        del cells[INTERVAL]
        cells[NAME] = _name(section, row)
        cells[SCORE] = _score(row, cells[SCORE], low, high)
        rows.append(cells)
    return table(rows, markup=[NAME, SCORE], class_="leaderboard sortable cards")


def _name(section: Section, row: Row) -> str:
    first, *others = section.axes
    chips = "".join(text("span", told(axis, row.settings[axis]), title=axis_title(axis)) for axis in others)
    return text("strong", row.settings[first]) + (f" {chips}" if chips else "")


def _score(row: Row, words: str, low: float, high: float) -> str:
    """Score and spread, and below them the interval as a bar: a dot for the score, a tick for the linear reference."""

    def place(value: float) -> str:
        return f"{100 * (value - low) / ((high - low) or 1):.1f}%"

    marks = ""
    if row.resampled is not None:
        start, end = row.resampled.interval
        marks += f'<i style="left:{place(start)};right:calc(100% - {place(end)})"></i>'
    linear = row.reference("linear")
    if linear is not None:
        marks += f'<u style="left:{place(linear)}"></u>'
    marks += f'<b style="left:{place(row.score)}"></b>'
    score, _, spread = words.partition(" ")
    told = f"95 % interval {interval(row)}; the tick is the linear reference"
    number = text("strong", score) + (text("span", f" {spread}", class_="quiet") if spread else "")
    return (
        number + element("div", marks, class_="range", title=told) + text("span", interval(row), class_="quiet small")
    )


def _ends(section: Section) -> tuple[float, float]:
    """What the bars of a leaderboard run over."""
    values = [row.score for row in section.rows]
    values += [end for row in section.rows if row.resampled is not None for end in row.resampled.interval]
    values += [linear for row in section.rows if (linear := row.reference("linear")) is not None]
    return min(values), max(values)


def _notes(section: Section) -> str:
    lines = [f"{section.name(row)}: {note}." for row in section.rows for note in section.notes(row)]
    return element("ul", "".join(text("li", line) for line in lines), class_="quiet") if lines else ""


def _matrix(section: Section) -> str:
    matrix = matrix_of([section])
    if matrix is None:
        return ""
    head = "".join(text("th", matrix.heading(column), scope="col") for column in matrix.columns)
    lines = "".join(
        element(
            "tr", text("th", model, scope="row") + "".join(_tile(matrix, model, column) for column in matrix.columns)
        )
        for model in matrix.models
    )
    inner = element("thead", element("tr", "<td></td>" + head)) + element("tbody", lines)
    note = (
        text("p", "Where several configurations share a place, the best.", class_="quiet") if matrix.several > 1 else ""
    )
    told = element("div", element("table", inner, class_="matrix"), class_="scroll") + note
    picture = draw_matrix(matrix, section.title)
    beside = (
        element("details", text("summary", "The same as a picture") + figure(picture, section.title)) if picture else ""
    )
    return text("h3", "Model × features × data") + told + beside


def _tile(matrix: Matrix, model: str, column: Column) -> str:
    if (model, column) not in matrix.scores:
        return text("td", "–", class_="quiet")
    score = matrix.scores[model, column]
    if score is None:
        return text("td", "no score", class_="failed")
    return text("td", f"{score:.3f}", style=f"--shade:{0.06 + 0.6 * matrix.shade(score):.2f}")


def _comparisons(section: Section) -> str:
    if not section.comparisons:
        return ""
    rows = [compared(section, found) for found in section.comparisons]
    for cells, found in zip(rows, section.comparisons, strict=True):
        cells["verdict"] = text("span", cells["verdict"], class_=f"pill {found.verdict.replace(' ', '-')}")
    return text("h3", "Neighbours compared on the same test clips") + table(rows, markup=["verdict"], class_="cards")


def _figures(section: Section) -> str:
    drawn = {
        "Learning curves, the mean over seeds and folds": draw_curves(section),
        "Score over cost; numbers are ranks, lines 95 % intervals": draw_cost(section),
        **draw_answers(section, section.rows[0], "best"),
        **(draw_answers(section, section.rows[-1], "worst") if len(section.rows) > 1 else {}),
    }
    shown = "".join(figure(svg, caption) for caption, svg in drawn.items() if svg is not None)
    return text("h3", "Figures") + element("div", shown, class_="figures") if shown else ""


def _commands(section: Section) -> str:
    items = "".join(element("li", text("span", section.name(row)) + text("code", row.command)) for row in section.rows)
    inner = text("summary", "Commands that repeat the rows") + element("ol", items, class_="commands")
    return element("details", inner, open="")
