"""Figures as inline SVG that takes its ink from the page, so that it can be read in the light and in the dark."""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING

from music_affect.evaluation.plots import plain_text
from music_affect.plain_text import without_controls

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, LINE = "#010203", "#010204"  # stand-ins, replaced by the colours of the page
ACCENT = "#3b7dc4"
PALETTE = (ACCENT, "#e07f35", "#3ba36a", "#c4508c", "#8a6fd4", "#b3952a", "#36a3a6", "#d15a55")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    from matplotlib.figure import Figure  # late: the command line's mistakes are answered without it

    return Figure(figsize=(width, height), layout="constrained")


def style(axes: Axes, *, grid: bool = True) -> None:
    """No frame, quiet grid, the page's ink."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9, colors=INK, which="both")
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.title.set_color(INK)
    axes.set_facecolor("none")
    if grid:
        axes.grid(color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)


def to_svg(figure: Figure, label: str) -> str:
    """An ``<svg>`` element.

    Args:
        figure: drawn.
        label: what it shows, for readers who cannot see it; unique on the page.
    """
    import matplotlib

    stream = io.StringIO()
    # The salt keeps names inside apart from those of other figures on the page, and the same from day to day.
    with plain_text(figure), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
    text = re.sub(r'\b(id="|url\(#|href="#)(?=[\w-])', rf"\g<1>{_prefix(label)}", text)
    text = without_controls(text).replace(INK, "currentColor").replace(LINE, "var(--line)")
    return text.replace("<svg", f'<svg role="img" aria-label="{html.escape(label, quote=True)}"', 1)


def colour(place: int) -> str:
    """Of the so-many-th of several things."""
    return PALETTE[place % len(PALETTE)]


def _prefix(label: str) -> str:
    return re.sub(r"\W+", "-", label).strip("-").lower() + "-"
