"""Percentile bootstrap: how far a figure would move had other clips of the same kind been drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

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
    low, high = middle(draws(statistic, n, resamples, seed))
    return [Interval(*map(float, figures)) for figures in zip(values, low, high, strict=True)]


def draws(statistic: Statistic, n: int, resamples: int, seed: int = 0) -> NDArray[np.float64]:
    """Figures of every resample, [R, K]; the same n and seed draw the same clips, so that two models can be paired.

    scipy.stats.bootstrap draws and finds the same, and no groups either, but refuses a single clip.
    """
    generator, rows = np.random.default_rng(seed), max(1, _ENTRIES_A_CHUNK // n)
    sizes = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    return np.concatenate([statistic(generator.integers(0, n, size=(size, n))) for size in sizes])


def middle(drawn: NDArray[np.float64]) -> tuple[Any, Any]:
    """Ends of the middle 95 % of what was drawn, of [R] or of each column of [R, K]."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return low, high
