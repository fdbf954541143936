"""How a training went, epoch by epoch: the losses, the deciding metric, the learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from music_affect.evaluation.plots import INK, MODEL, WARNING, bare, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Sequence[Mapping[str, float | None]]

_TRAIN = "#8a929c"


def plot_learning_curves(
    history: History,
    path: Path,
    monitor: str,
    title: str,
    *,
    tested_epoch: int | None = None,
    synthetic: bool = False,
) -> None:
    """Draw loss, deciding metric and learning rate over the epochs.

    Args:
        history: one row an epoch: ``epoch``, ``train/loss``, ``val/loss``, ``lr``, the monitor and its train
            counterpart; a missing, empty or non-finite value leaves a point out.
        path: the PNG to write.
        monitor: the column that decides, e.g. ``val/f1_macro``.
        title: what is shown.
        tested_epoch: the epoch whose weights were tested; it is marked.
        synthetic: the music was made by a program; the title then says so.
    """
    metric = monitor.split("/", 1)[-1]
    panels = ["loss"] if metric == "loss" else ["loss", metric]
    figure = new_figure(6.4, 1.9 + 2.0 * len(panels), title, synthetic)
    every_axes = figure.subplots(len(panels) + 1, sharex=True, height_ratios=[2.0] * len(panels) + [1.0])
    for axes, name in zip(every_axes, panels, strict=False):
        _curve(axes, history, f"train/{name}", _TRAIN, "train")
        _curve(axes, history, f"val/{name}", MODEL, "val")
        axes.set_ylabel(name.replace("_", " "))
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=8)
    _curve(every_axes[-1], history, "lr", INK, "lr")
    every_axes[-1].set(xlabel="epoch", ylabel="rate")
    _whole_epochs(every_axes[-1])
    for axes in every_axes:
        bare(axes)
        axes.grid(color="#e6e8eb", linewidth=0.8)
    if tested_epoch is not None:
        _mark(every_axes, tested_epoch)
    save(figure, path)


def _curve(axes: Axes, history: History, column: str, colour: str, label: str) -> None:
    points = [(row["epoch"], row.get(column)) for row in history]
    known = [(x, y) for x, y in points if x is not None and y is not None and math.isfinite(y)]
    if known:
        # A dot where a single epoch would leave no line to see.
        axes.plot(*zip(*known, strict=True), color=colour, label=label, marker="o" if len(known) < 3 else None)


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
