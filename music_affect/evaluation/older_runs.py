"""Run folders of the first layout, which knew one class label and nothing else, told in today's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PREDICTED = "predicted"  # the column of the answers, which now carries the label's name as well


def is_older(metrics: Mapping[str, Any]) -> bool:
    """Whether ``metrics.json`` has the first layout."""
    return "targets" not in metrics and {"target", "classes"} <= metrics.keys()


def convert_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Today's layout of an older ``metrics.json``: scores stand under their kind, classes under their label."""
    target = metrics["target"]

    def told(scores: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return {"classification": {**scores, "target": target}} if scores else None

    return {
        **metrics,
        "targets": {target: {"kind": "categorical", "classes": metrics["classes"]}},
        **{part: told(metrics[part]) for part in ("test", "val") if part in metrics},
        "references": {name: told(scores) for name, scores in metrics.get("references", {}).items()},
    }


def convert_row(row: Mapping[str, str], target: str) -> dict[str, str]:
    """Today's columns of a row of an older ``predictions.csv``."""
    return {f"predicted {target}" if name == PREDICTED else name: cell for name, cell in row.items()}
