"""Figures as inline SVG that takes its ink from the page, so that it can be read in the light and in the dark."""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING

from music_affect.evaluation.plots import GRID, INK, plain_text
from music_affect.system.plain_text import without_controls

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    text = without_controls(text).replace(INK, "currentColor").replace(GRID, "var(--line)")
    return text.replace("<svg", f'<svg role="img" aria-label="{html.escape(label, quote=True)}"', 1)


def _prefix(label: str) -> str:
    return re.sub(r"\W+", "-", label).strip("-").lower() + "-"
