"""Predicted against true values on scales."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from music_affect.contracts.spec import Continuous
from music_affect.evaluation.plots import INK, MODEL, bare, new_figure
from music_affect.evaluation.tables import with_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_IDENTITY = "#8a929c"
_MARGIN = 0.04  # of the axis, so that points at the ends of a scale are whole
_FEW = 3  # panels that stand in one row
_MANY = 1500  # points that are drawn as a picture inside a figure of lines


@dataclass(frozen=True)
class Panel:
    """One scale.

    Args:
        name: of the scale.
        true: labels of N clips.
        predicted: the model's values of the same clips.
        spearman: their correlation with its interval, None where it is not known.
        kind: the range of the labels.
    """

    name: str
    true: Sequence[float]
    predicted: Sequence[float]
    spearman: Mapping[str, float | None] | None
    kind: Continuous


def draw_scales(panels: Sequence[Panel], title: str = "", *, synthetic: bool = False) -> Figure:
    """Predicted against true values, a panel a scale, on axes over the range of its labels.

    Args:
        panels: one a scale, at least one.
        title: what is shown, where a page does not say so.
        synthetic: the music was made by a program; the title then says so.
    """
    columns = len(panels) if len(panels) <= _FEW else math.ceil(math.sqrt(len(panels)))
    rows = math.ceil(len(panels) / columns)
    side = 4.4 if len(panels) == 1 else 2.8
    figure = new_figure(columns * side + 0.5, rows * (side + 0.2) + 0.8, title, synthetic)
    figure.set_layout_engine("compressed", h_pad=0.09)  # square panels would otherwise stand far apart
    every_axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, panel in zip(every_axes, panels, strict=False):
        _draw(axes, panel)
    for axes in every_axes[len(panels) :]:
        axes.set_axis_off()
    figure.supxlabel("true", fontsize=10, color=INK)
    figure.supylabel("predicted", fontsize=10, color=INK)
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    low, high = _limits(panel)
    axes.plot([low, high], [low, high], color=_IDENTITY, linewidth=1, linestyle="--", zorder=1)
    many = len(panel.true) > _MANY
    opacity = min(0.5, max(0.12, 100 / max(len(panel.true), 1)))
    axes.scatter(panel.true, panel.predicted, s=12, color=MODEL, alpha=opacity, linewidths=0, zorder=2, rasterized=many)
    room = _MARGIN * (high - low)
    axes.set(xlim=(low - room, high + room), ylim=(low - room, high + room), aspect="equal")
    axes.locator_params(nbins=5)
    spearman = f"\nSpearman {with_interval(panel.spearman)}" if panel.spearman else ""
    axes.set_title(f"{panel.name}{spearman}", fontsize=9)
    bare(axes, "both")


def _limits(panel: Panel) -> tuple[float, float]:
    """The range of the labels where it has ends, and further where a value lies outside, so that no point is hidden."""
    ends = [end for end in (panel.kind.low, panel.kind.high) if end is not None]
    values = [*ends, *panel.true, *panel.predicted]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
