"""How a training went, epoch by epoch: losses, deciding metric, learned weights of the losses, learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from music_affect.evaluation.plots import INK, MODEL, WARNING, bare, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, float | None]]

_TRAIN = "#8a929c"
_WEIGHT = "weight/"  # columns of the learned weights of the losses, one a label
_JOINT, _ITS_PARTS = "score", ("f1_macro", "spearman")
_COLOURS = 10  # of the palette


def plot_learning_curves(
    history: History,
    path: Path,
    monitor: str,
    title: str,
    *,
    tested_epoch: int | None = None,
    synthetic: bool = False,
) -> None:
    """Draw loss, deciding metric, learned loss weights and learning rate over the epochs.

    Args:
        history: one row an epoch: ``epoch``, ``train/loss``, ``val/loss``, ``lr``, the monitor and its train
            counterpart, ``weight/<label>`` where weights are learned; a missing, empty or non-finite value leaves a
            point out.
        path: the PNG to write.
        monitor: the column that decides, e.g. ``val/f1_macro``. Beside ``val/score``, the mean of two figures, each
            of the two has a panel where the history knows it.
        title: what is shown.
        tested_epoch: the epoch whose weights were tested; it is marked.
        synthetic: the music was made by a program; the title then says so.
    """
    panels = ["loss", *_metrics(history, monitor.split("/", 1)[-1])]
    weights = [column for column in _columns(history) if column.startswith(_WEIGHT)]
    heights = [2.0] * (len(panels) + bool(weights)) + [1.0]
    figure = new_figure(7.6 if weights else 6.4, 1.1 + sum(heights), title, synthetic)
    every_axes = list(figure.subplots(len(heights), sharex=True, height_ratios=heights))
    for axes, name in zip(every_axes, panels, strict=False):
        _curve(axes, history, f"train/{name}", _TRAIN, "train")
        _curve(axes, history, f"val/{name}", MODEL, "val")
        axes.set_ylabel(name.replace("_", " "))
    if weights:
        _draw_weights(every_axes[-2], history, weights)
    _curve(every_axes[-1], history, "lr", INK, "lr")
    every_axes[-1].set(xlabel="epoch", ylabel="rate")
    _finish(figure, every_axes, every_axes[: len(panels)], tested_epoch)
    save(figure, path)


def _finish(figure: Figure, every_axes: Sequence[Axes], with_legend: Sequence[Axes], tested_epoch: int | None) -> None:
    _whole_epochs(every_axes[-1])
    for axes in every_axes:
        bare(axes, "both")
    if tested_epoch is not None:
        _mark(every_axes, tested_epoch)
    lines = {line.get_label(): line for axes in with_legend for line in axes.lines}
    shown = [lines[label] for label in ("train", "val") if label in lines]
    if shown:
        figure.legend(handles=shown, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.align_ylabels()


def _metrics(history: History, deciding: str) -> list[str]:
    """The panels beside the loss: the deciding metric first, then what it is made of."""
    columns = _columns(history)
    parts = [name for name in _ITS_PARTS if deciding == _JOINT and columns.keys() & {f"train/{name}", f"val/{name}"}]
    return [name for name in (deciding, *parts) if name != "loss"]


def _columns(history: History) -> dict[str, None]:
    """The columns of all epochs in their order; an early epoch may know fewer."""
    return dict.fromkeys(name for row in history for name in row)


def _curve(axes: Axes, history: History, column: str, colour: str, label: str, style: str = "-") -> None:
    points = [(row["epoch"], row.get(column)) for row in history]
    known = [(x, y) for x, y in points if x is not None and y is not None and math.isfinite(y)]
    if known:
        # A dot where a single epoch would leave no line to see.
        marker = "o" if len(known) < 3 else None
        axes.plot(*zip(*known, strict=True), color=colour, linestyle=style, label=label, marker=marker)


def _draw_weights(axes: Axes, history: History, columns: Sequence[str]) -> None:
    """One curve a label, named beside the panel, where no curve runs."""
    for place, column in enumerate(columns):
        style = "-" if place < _COLOURS else "--"
        _curve(axes, history, column, f"C{place % _COLOURS}", column.removeprefix(_WEIGHT), style)
    axes.set_ylabel("loss weight")
    if axes.lines:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8, labelspacing=0.3)


def _whole_epochs(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = axes.get_xlim()
    if high - low < 2:
        middle = round((low + high) / 2)
        axes.set_xlim(middle - 1, middle + 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _mark(every_axes: Sequence[Axes], epoch: int) -> None:
    for axes in every_axes:
        axes.axvline(epoch, color=WARNING, linewidth=1, linestyle="--")
    every_axes[0].annotate(
        f"tested: epoch {epoch}",
        (epoch, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        fontsize=8,
        color=WARNING,
        annotation_clip=False,
    )
