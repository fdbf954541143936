"""The figures of a leaderboard: how its runs learned, what they cost, how the scores lie over models and features."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from music_affect.contracts.errors import RunFolderError
from music_affect.evaluation.plots import GRID, INK, MODEL, bare, new_figure, tile
from music_affect.evaluation.sweep_report.columns import short
from music_affect.evaluation.sweep_report.contents import Section
from music_affect.evaluation.sweep_report.drawing import to_svg
from music_affect.evaluation.sweep_report.leaderboard import Row
from music_affect.evaluation.sweep_report.matrix import Matrix
from music_affect.runs.reader import RunFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = (MODEL, "#e07f35", "#3ba36a", "#c4508c", "#8a6fd4", "#b3952a", "#36a3a6", "#d15a55")
_WIDTH = 5.4
_LARGEST = 60  # places of a matrix that are still a small picture

Curve = dict[int, float]


def draw_curves(section: Section) -> str | None:
    """The deciding figure by epoch, the mean over seeds and folds; None where no run has epochs.

    It is that of the validation clips where all runs have some, else that of the training windows.
    """
    column = _column(section.rows)
    curves = {place: curve for place, row in enumerate(section.rows) if (curve := _mean_curve(row, column))}
    if not curves:
        return None
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(_WIDTH, 3.6 + 0.17 * min(len(curves), len(PALETTE)))
    axes = figure.add_subplot()
    for number, (place, curve) in enumerate(sorted(curves.items())):
        shown = number < len(PALETTE)
        label = f"{place + 1}  {section.name(section.rows[place])}" if shown else "others"
        marker = "o" if len(curve) < 3 else None
        ink = PALETTE[number] if shown else GRID
        axes.plot(list(curve), list(curve.values()), color=ink, label=label, marker=marker, zorder=3 if shown else 2)
    axes.set(xlabel="epoch", ylabel=column.replace("_", " ").replace("/", ", "))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    bare(axes, "both")
    lines = {line.get_label(): line for line in axes.lines}
    figure.legend(handles=list(lines.values()), loc="outside lower left", frameon=False, fontsize=9, labelcolor=INK)
    return to_svg(figure, f"learning curves, {section.title}")


def draw_cost(section: Section) -> str | None:
    """Score over seconds of training and over parameters; the numbers are the ranks. None of a single row."""
    rows = section.rows
    timed = {place: row.seconds for place, row in enumerate(rows, 1) if row.seconds}
    sized = {place: float(row.parameters) for place, row in enumerate(rows, 1) if row.parameters}
    panels = {"seconds of training a run": timed, "parameters": sized}
    panels = {title: points for title, points in panels.items() if points}
    if len(rows) < 2 or not panels:
        return None
    figure = new_figure(_WIDTH, 3.2)
    for axes, (title, points) in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels.items(), strict=True
    ):
        _cost_panel(axes, rows, points)
        axes.set_xlabel(title)
    figure.axes[0].set_ylabel(section.score_name.split(" (")[0])
    return to_svg(figure, f"cost and score, {section.title}")


def draw_matrix(matrix: Matrix, title: str) -> str | None:
    """The matrix as a picture; None where it is large."""
    if len(matrix.models) * len(matrix.columns) > _LARGEST:
        return None
    height, width = len(matrix.models), len(matrix.columns)
    figure = new_figure(min(_WIDTH, 1.6 + 0.95 * width), 0.9 + 0.42 * height)
    axes = figure.add_subplot()
    for (model, column), score in matrix.scores.items():
        x, y = matrix.columns.index(column), matrix.models.index(model)
        shade = 0.0 if score is None else 0.08 + 0.6 * matrix.shade(score)
        tile(axes, x, y, shade, "–" if score is None else f"{score:.3f}")
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    turned = width > 4 or max(len(matrix.heading(column)) for column in matrix.columns) > 12
    axes.set_xticks(
        range(width),
        [matrix.heading(column) for column in matrix.columns],
        rotation=30 if turned else 0,
        ha="right" if turned else "center",
    )
    axes.set_yticks(range(height), matrix.models)
    bare(axes)
    return to_svg(figure, f"scores by model and features, {title}")


def _cost_panel(axes: Axes, rows: Sequence[Row], points: Mapping[int, float]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for place, x in points.items():
        row = rows[place - 1]
        if row.resampled is not None:
            axes.plot([x, x], row.resampled.interval, color=INK, alpha=0.25, linewidth=2, zorder=1)
        axes.scatter([x], [row.score], s=26, color=MODEL, zorder=3)
        axes.annotate(str(place), (x, row.score), xytext=(5, 3), textcoords="offset points", fontsize=9, color=INK)
    axes.set_xscale("log")
    low, high = min(points.values()), max(points.values())
    axes.set_xlim(low / 2, high * 2.5)
    steps = math.log10(high / low)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if steps > 1.5 else (1.0, 2.0, 5.0), numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    bare(axes, "both")


def _column(rows: Sequence[Row]) -> str:
    """The column of the histories that is drawn."""
    monitor = str(rows[0].runs[0].metrics["monitor"])
    histories = [history for row in rows for run in row.runs if (history := _history(run))]
    validated = all(any(epoch.get(monitor) is not None for epoch in history) for history in histories)
    return monitor if validated else f"train/{monitor.split('/', 1)[-1]}"


def _history(run: RunFolder) -> list[dict[str, float | None]]:
    try:
        return run.history
    except RunFolderError:  # the scores of a run whose curves are broken still count
        return []


def _mean_curve(row: Row, column: str) -> Curve:
    found: dict[int, list[float]] = {}
    for run in row.runs:
        for row_of_epoch in _history(run):
            epoch, value = row_of_epoch["epoch"], row_of_epoch.get(column)
            if epoch is not None and value is not None and math.isfinite(epoch) and math.isfinite(value):
                found.setdefault(int(epoch), []).append(value)
    return {epoch: statistics.fmean(values) for epoch, values in sorted(found.items())}
