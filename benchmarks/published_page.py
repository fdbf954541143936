"""The page of the published systems: which experiments it lists, and their scores written into it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

CELL = re.compile(r"(\| `experiment=([\w/]+)` \| )[^|\n]*?(?= \|)")
CONDITIONS = re.compile(r"(<!-- measured: begin -->\n).*?(<!-- measured: end -->)", re.DOTALL)
NOT_MEASURED = "–"


def experiments(page: str) -> list[str]:
    """Experiments of all tables, those with a published recipe first, each once and in the page's order."""
    found = list(dict.fromkeys(match[2] for match in CELL.finditer(page)))
    return sorted(found, key=lambda name: name.startswith("published/ours/"))


def filled(page: str, scores: Mapping[str, str], conditions: str) -> str:
    """The page with every measured cell rewritten.

    Args:
        page: Markdown.
        scores: by experiment; a cell that has none here becomes a dash, so that all figures on the page were
            measured in one way.
        conditions: how they were measured, in a sentence or two.
    """
    page = CELL.sub(lambda match: f"{match[1]}{scores.get(match[2], NOT_MEASURED)}", page)
    return CONDITIONS.sub(lambda match: f"{match[1]}{conditions}\n{match[2]}", page)


def score(metrics: Mapping[str, Any]) -> str:
    """Figures of a run as the reports give them: accuracy / macro F1, and correlations by scale with their mean."""
    if "test" not in metrics:
        return f"loss {metrics['first_loss']:.2f} to {metrics['last_loss']:.3f}"
    found = []
    if "classification" in metrics["test"]:
        scores = metrics["test"]["classification"]
        found.append(" / ".join(short(scores[name]["value"]) for name in ("accuracy", "f1_macro")))
    if "regression" in metrics["test"]:
        scores = metrics["test"]["regression"]
        each = " / ".join(short(own["spearman"]["value"]) for own in scores["by_target"].values())
        mean = f", mean {short(scores['spearman']['value'])}" if len(scores["by_target"]) > 1 else ""
        found.append(each + mean)
    return "; ".join(found)


def short(value: float) -> str:
    """Two decimals without a leading zero."""
    return f"{value:.2f}".replace("0.", ".", 1)
