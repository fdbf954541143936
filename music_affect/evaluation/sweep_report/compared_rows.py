"""The rows of a leaderboard that were tested on the same clips, compared with one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from music_affect.evaluation.sweep_report.comparison import Comparison, compare
from music_affect.evaluation.sweep_report.leaderboard import Row
from music_affect.evaluation.sweep_report.resampling import Clips

MOST_SHOWN = 20  # rows whose differences can still be read side by side


@dataclass(frozen=True)
class ComparedRows:
    """Rows of one leaderboard on the same clips.

    Args:
        ranks: of the rows, from 1, the best first.
        comparison: of them all, in the same order.
    """

    ranks: Sequence[int]
    comparison: Comparison

    @property
    def may_be_best(self) -> list[int]:
        """Ranks of the rows that are in the confidence set of the best."""
        return [rank for rank, held in zip(self.ranks, self.comparison.may_be_best, strict=True) if held]

    @property
    def shown(self) -> Sequence[int]:
        """Ranks of the rows whose differences are shown, the best of them."""
        return self.ranks[:MOST_SHOWN]

    def difference(self, upper: int, lower: int) -> tuple[float, bool] | None:
        """How far a row is above one that stands below it, by their ranks, and whether that is significant."""
        if upper >= lower:
            return None
        found = float(self.comparison.difference[self.ranks.index(upper), self.ranks.index(lower)])
        return found, found > self.comparison.critical


def compare_rows(rows: Sequence[Row]) -> ComparedRows | None:
    """Compares the largest number of rows that were tested on the same clips; None where no two were.

    Args:
        rows: of one leaderboard, the best first.
    """
    groups: dict[Clips, list[int]] = {}
    for place, row in enumerate(rows):
        if row.resampled is not None:
            groups.setdefault(row.resampled.clips, []).append(place)
    places = max(groups.values(), key=len, default=[])
    found = [row.resampled for row in (rows[place] for place in places) if row.resampled is not None]
    if len(found) < 2:
        return None
    scores, drawn = np.array([rows[place].score for place in places]), np.stack([one.drawn for one in found], axis=1)
    return ComparedRows([place + 1 for place in places], compare(scores, drawn, found[0].units.count - 1))
