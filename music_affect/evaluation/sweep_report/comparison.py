"""Neighbours of a leaderboard on the same test clips: which differences hold."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from music_affect.evaluation.intervals import middle
from music_affect.evaluation.sweep_report.leaderboard import Row

LEVEL = 0.05
BETTER, NOT_SIGNIFICANT, NOT_COMPARABLE = "better", "not significantly different", "not comparable"


@dataclass(frozen=True)
class Comparison:
    """Two rows of a leaderboard, one below the other.

    Args:
        rank: of the upper one, from 1.
        verdict: ``better``, ``not significantly different`` or ``not comparable``.
        difference: of the scores, the upper less the lower.
        low: lower end of its 95 % interval; None where they were tested on different clips.
        high: upper end.
        p: chance of a difference this large were there none, corrected for the number of neighbours.
    """

    rank: int
    verdict: str
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


def neighbours(rows: Sequence[Row]) -> list[Comparison]:
    """Paired bootstrap over clips between each row and the next, Holm-corrected over all of them.

    Args:
        rows: of one leaderboard, the best first.

    Reference:
        Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics, 1979.
    """
    found = [_compare(place + 1, *pair) for place, pair in enumerate(itertools.pairwise(rows))]
    tested = [comparison for comparison in found if comparison.p is not None]
    corrected = holm([comparison.p or 0.0 for comparison in tested])
    judged = {
        comparison.rank: replace(comparison, p=p, verdict=BETTER if p < LEVEL else NOT_SIGNIFICANT)
        for comparison, p in zip(tested, corrected, strict=True)
    }
    return [judged.get(comparison.rank, comparison) for comparison in found]


def holm(chances: Sequence[float]) -> list[float]:
    """Chances corrected so that, over all of them together, one in twenty is found where there is nothing."""
    largest, corrected = 0.0, [0.0] * len(chances)
    for rank, place in enumerate(sorted(range(len(chances)), key=lambda place: chances[place])):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[place]))
        corrected[place] = largest
    return corrected


def _compare(rank: int, upper: Row, lower: Row) -> Comparison:
    difference = upper.score - lower.score
    one, other = upper.resampled, lower.resampled
    if one is None or other is None or one.clips != other.clips:
        return Comparison(rank, NOT_COMPARABLE, difference)
    drawn = one.drawn - other.drawn
    # The draws themselves count as one, so that no chance is ever reported as 0.
    tails = [(1 + int(np.sum(side))) / (1 + len(drawn)) for side in (drawn <= 0, drawn >= 0)]
    return Comparison(rank, NOT_SIGNIFICANT, difference, *middle(drawn), p=min(1.0, 2 * min(tails)))
