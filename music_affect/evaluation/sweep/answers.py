"""The answers of one configuration beside the truth: a confusion matrix, values against values."""

from __future__ import annotations

import math

import numpy as np

from music_affect.evaluation.pooling import Pool
from music_affect.evaluation.sweep.contents import Section
from music_affect.evaluation.sweep.drawing import ACCENT, INK, new_figure, style, to_svg
from music_affect.evaluation.sweep.figures import tile
from music_affect.evaluation.sweep.leaderboard import Row
from music_affect.spec import Categorical

_MOST_CLASSES = 30  # that can still be read
_MANY = 1500  # points that are drawn as a picture inside the figure
_FEW = 3  # panels side by side


def draw_answers(section: Section, row: Row, which: str) -> dict[str, str]:
    """Figures of a row by what they show: of its first seed, all folds together.

    Args:
        section: that the row stands in.
        row: the configuration; without readable predictions there is nothing to draw.
        which: ``best`` or ``worst``.
    """
    if not row.pools:
        return {}
    pool, found = row.pools[0], {}
    title = f"{which.capitalize()}: {section.name(row)}, seed {next(iter(row.seeds))}"
    for name, kind in pool.targets.items():
        if isinstance(kind, Categorical) and kind.num_classes <= _MOST_CLASSES:
            found[f"{title}: {name}"] = _confusion(pool, name, kind, f"confusion, {which}, {section.title}")
    scales = [name for name, kind in pool.targets.items() if not isinstance(kind, Categorical)]
    if scales:
        found[f"{title}: predicted against true"] = _scatter(pool, scales, f"scales, {which}, {section.title}")
    return found


def _confusion(pool: Pool, name: str, kind: Categorical, label: str) -> str:
    size = kind.num_classes
    counts = np.zeros((size, size), int)
    for true, answer in zip(pool.labels[name], pool.predictions[name].argmax(axis=1), strict=True):
        if true:
            counts[kind.classes.index(true), answer] += 1
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(5.4, 2.4 + 0.36 * size)
    figure = new_figure(side, side * 0.92)
    axes = figure.add_subplot()
    for row, column in np.argwhere(counts > 0):
        tile(axes, column, row, 0.06 + 0.64 * shares[row, column], str(counts[row, column]) if size <= 16 else "")
    axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xlabel="predicted", ylabel="true", aspect="equal")
    axes.set_xticks(range(size), kind.classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(size), kind.classes)
    style(axes, grid=False)
    return to_svg(figure, label)


def _scatter(pool: Pool, scales: list[str], label: str) -> str:
    columns = min(len(scales), _FEW)
    rows = math.ceil(len(scales) / columns)
    side = 3.4 if columns == 1 else 5.4 / columns
    figure = new_figure(columns * side, rows * (side + 0.25) + 0.2)
    figure.set_layout_engine("compressed", w_pad=0.02)  # square panels would otherwise stand far apart
    every_axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(every_axes, scales, strict=False):
        known = [place for place, cell in enumerate(pool.labels[name]) if cell]
        true = np.array([float(pool.labels[name][place]) for place in known])
        predicted = pool.predictions[name][known]
        ends = [float(end) for end in _ends(np.concatenate([true, predicted, _bounds(pool, name)]))]
        axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle="--", alpha=0.6, zorder=1)
        opacity = min(0.55, max(0.15, 120 / max(len(known), 1)))
        axes.scatter(true, predicted, s=9, color=ACCENT, alpha=opacity, linewidths=0, rasterized=len(known) > _MANY)
        axes.set(xlim=ends, ylim=ends, aspect="equal")
        axes.set_title(name, fontsize=10)
        axes.locator_params(nbins=4)
        style(axes)
    for axes in every_axes[len(scales) :]:
        axes.set_axis_off()
    figure.supxlabel("true", fontsize=10, color=INK)
    figure.supylabel("predicted", fontsize=10, color=INK)
    return to_svg(figure, label)


def _bounds(pool: Pool, name: str) -> list[float]:
    kind = pool.targets[name]
    return [] if isinstance(kind, Categorical) else [end for end in (kind.low, kind.high) if end is not None]


def _ends(values: np.ndarray) -> tuple[float, float]:
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    room = 0.04 * (high - low) or 0.5
    return low - room, high + room
