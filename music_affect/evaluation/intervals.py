"""Percentile bootstrap: how far a figure would move had other clips of the same kind been drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
_ENTRIES_A_CHUNK = 1_000_000  # bounds the index matrix to 8 MB, whatever the number of clips

Statistic = Callable[[NDArray[np.int64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Interval:
    """A figure and the interval it lies in.

    Args:
        value: the figure over all clips, each once.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
    """

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """``{"value": …, "low": …, "high": …}``."""
        return asdict(self)


def bootstrap(statistic: Statistic, n: int, *, resamples: int = 1000, seed: int = 0) -> list[Interval]:
    """Draw n of n clips with replacement, again and again, and see where the middle 95 % of the figures lie.

    Args:
        statistic: from clip indices, int64 [R, n], one resample a row, to K figures of each, float64 [R, K]. It must
            answer every resample with a number: one in which a class is missing or all values are equal does occur.
        n: number of clips, at least 1.
        resamples: number of draws.
        seed: of the draws; the same seed gives the same interval.

    Returns:
        K intervals, in the order of the figures.

    Raises:
        ValueError: there is no clip.

    Reference:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if n < 1:
        raise ValueError("an interval needs at least one clip")
    values = statistic(np.arange(n)[None])[0]
    drawn = _drawn_figures(statistic, n, resamples, np.random.default_rng(seed))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return [Interval(*map(float, figures)) for figures in zip(values, low, high, strict=True)]


def _drawn_figures(statistic: Statistic, n: int, resamples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    rows = max(1, _ENTRIES_A_CHUNK // n)
    chunks = [
        statistic(generator.integers(0, n, size=(min(rows, resamples - start), n)))
        for start in range(0, resamples, rows)
    ]
    return np.concatenate(chunks)
