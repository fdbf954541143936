"""The test predictions that are furthest off: where labels or the model are most worth a look."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import pstdev

from music_affect.evaluation.tables import table
from music_affect.runs.reader import RunFolder

SHOWN = 5


def confident_mistakes(run: RunFolder, target: str) -> str:
    """The wrong classes that the model was surest of.

    Args:
        run: with the class label ``target``.
        target: its name.
    """
    answer = f"predicted {target}"
    wrong = [row for row in run.labelled(target) if row[target] != row[answer]]
    surest = sorted(wrong, key=lambda row: (-_confidence(row, answer), row["id"]))[:SHOWN]
    rows = [[row["id"], row[target], row[answer], _confidence(row, answer)] for row in surest]
    return table(["clip", "true", "predicted", "probability"], rows) if rows else "None."


def largest_misses(run: RunFolder) -> str:
    """The values that are furthest off, over all scales.

    Scales of different widths are set beside each other by the standard deviation of their labels.
    """
    misses: list[tuple[float, str, str, float, float]] = []
    for target in run.scales:
        labelled = run.labelled(target)
        spread = pstdev(float(row[target]) for row in labelled) if labelled else 0.0
        for row in labelled:
            true, predicted = float(row[target]), float(row[f"predicted {target}"])
            misses.append((abs(predicted - true) / (spread or 1.0), row["id"], target, true, predicted))
    largest = sorted((miss for miss in misses if miss[0] > 0), key=lambda miss: (-miss[0], *miss[1:3]))[:SHOWN]
    rows = [[clip, target, true, predicted, f"{off:.1f}"] for off, clip, target, true, predicted in largest]
    header = ["clip", "scale", "true", "predicted", "off by, in standard deviations of the labels"]
    return table(header, rows) if rows else "None."


def _confidence(row: Mapping[str, str], answer: str) -> float:
    return float(row[f"p({row[answer]})"])
