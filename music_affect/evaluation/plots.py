"""Figures of classes and the style of all figures. No global plotting state is touched: they draw anywhere."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from music_affect.system.files import atomic_path
from music_affect.system.plain_text import without_controls

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150
_LETTER = 0.09  # inches that a letter of a title takes
MODEL, REFERENCE, INK, GRID, WARNING = "#3b7dc4", "#b9c0c9", "#333333", "#e6e8eb", "#b3261e"


def draw_confusion(confusion: ArrayLike, classes: Sequence[str], title: str = "", *, synthetic: bool = False) -> Figure:
    """A confusion matrix: counts as numbers, shares of the true class as shades.

    Args:
        confusion: clips, true classes in rows, predicted ones in columns, [C, C].
        classes: C names.
        title: what is shown, where a page does not say so.
        synthetic: the music was made by a program; the title then says so.
    """
    counts = np.asarray(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side, ends = max(4.2, 1.8 + 0.46 * len(classes)), len(classes) - 0.5
    figure = new_figure(side + 0.4, side + 0.5, title, synthetic)
    axes = figure.add_subplot()
    for row, column in np.argwhere(counts > 0):
        tile(axes, column, row, 0.06 + 0.64 * shares[row, column], str(counts[row, column]))
    axes.set(xlim=(-0.5, ends), ylim=(ends, -0.5), aspect="equal")
    axes.set(xlabel="predicted", ylabel="true (shades are shares of each row)")
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), classes)
    bare(axes)
    return figure


def plot_per_class(
    per_class: Mapping[str, Mapping[str, float]],
    linear: Mapping[str, Mapping[str, float]],
    path: Path,
    title: str,
    *,
    synthetic: bool = False,
) -> None:
    """Draw F1 class by class, the linear reference beside the model.

    Args:
        per_class: ``f1`` and ``support`` by class, of the model.
        linear: the same of the linear reference.
        path: the PNG to write.
        title: what is shown.
        synthetic: the music was made by a program; the title then says so.
    """
    names = list(per_class)
    rows = np.arange(len(names))
    figure = new_figure(6.4, 1.6 + 0.42 * len(names), title, synthetic)
    axes = figure.add_subplot()
    model = axes.barh(rows - 0.19, [per_class[name]["f1"] for name in names], 0.38, color=MODEL, label="model")
    axes.barh(rows + 0.19, [linear[name]["f1"] for name in names], 0.38, color=REFERENCE, label="linear reference")
    axes.bar_label(model, fmt="%.2f", padding=3, fontsize=8, color=INK)
    axes.set_yticks(rows, [f"{name}  ({per_class[name]['support']})" for name in names])
    axes.set(xlim=(0, 1.08), xticks=np.arange(0, 1.01, 0.2), xlabel="F1, clips in brackets")
    axes.set_ylim(len(names) - 0.4, -0.6)
    bare(axes, "x")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    save(figure, path)


def new_figure(width: float, height: float, title: str = "", synthetic: bool = False) -> Figure:
    """An empty figure of so many inches with its title, which says where the music is synthetic."""
    from matplotlib.figure import Figure  # late: scores do not need it

    figure = Figure(figsize=(width, height), layout="constrained")
    lines = textwrap.wrap(title, max(20, int(width / _LETTER)))  # names of runs are long, and break at their hyphens
    label = "\n".join(["SYNTHETIC music", *lines] if synthetic else lines)
    if label:
        figure.suptitle(label, fontsize=11, color=WARNING if synthetic else INK)
    return figure


def bare(axes: Axes, grid: Literal["both", "x", "y"] | None = None) -> None:
    """Leave out the frame and the tick marks; a quiet grid where it is asked for."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9, colors=INK, which="both")
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set_color(INK)
    if grid:
        axes.grid(axis=grid, color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)


def tile(axes: Axes, x: float, y: float, shade: float, text: str) -> None:
    """A square of a matrix, shaded from 0 to 1, with its figure."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, color=MODEL, alpha=shade, linewidth=0))
    axes.text(x, y, text, ha="center", va="center", color=INK, fontsize=9)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    with atomic_path(path) as temporary, plain_text(figure):
        figure.savefig(temporary, format="png", dpi=DPI)


@contextmanager
def plain_text(figure: Figure) -> Iterator[None]:
    """Every text of the figure is drawn as it is: dollars in the name of a class are no mathematics."""
    import matplotlib
    from matplotlib.text import Text

    with matplotlib.rc_context({"text.parse_math": False}), warnings.catch_warnings():  # of texts that are made late
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a box is drawn instead
        for text in figure.findobj(Text):
            text.set_parse_math(False)
            text.set_text(without_controls(text.get_text()))
        yield
