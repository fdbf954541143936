"""Bootstrap over groups of clips: how far a figure would move had other artists of the same kind been tested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from music_affect.evaluation.units import Units

LEVEL = 0.95
FEWEST_SEEDS = 3  # under which the spread between seeds is not known well enough to be drawn
_ENTRIES_A_CHUNK = 1_000_000  # bounds the matrix of counts to 8 MB, whatever the number of clips

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Statistic = Callable[[Counts], Floats]


@dataclass(frozen=True)
class Interval:
    """A figure and the interval it lies in.

    Args:
        value: the figure over all clips, each once.
        low: lower end of the 95 % interval; None where too few groups or clips were tested for one.
        high: upper end of the 95 % interval.
    """

    value: float
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, float | None]:
        """``{"value": …, "low": …, "high": …}``."""
        return asdict(self)


def bootstrap(
    statistic: Statistic,
    drawn: Units,
    *,
    without_seed: Sequence[Statistic] = (),
    lowest: float = 0.0,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Interval]:
    """Figures with the intervals in which 95 % of such figures hold their true value.

    Args:
        statistic: from how often each clip was drawn, int64 [R, N], one resample a row, to K figures of each, float64
            [R, K]. It must answer every resample with a number: one in which a class is missing or all values are
            equal does occur.
        drawn: what is drawn as a whole, of at least one clip.
        without_seed: where the figures are of several seeds, the same with one of them left out, a statistic a seed;
            the seeds are drawn as well then.
        lowest: what a figure can be at the least; none is above 1.
        resamples: number of draws.
        seed: of the draws; the same seed and the same groups give the same interval.

    Returns:
        K intervals, in the order of the figures.

    Raises:
        ValueError: there is no clip.
    """
    if not drawn.count:
        raise ValueError("an interval needs at least one clip")
    values = statistic(np.ones((1, len(drawn.of)), np.int64))[0]
    if not drawn.enough:
        return [Interval(float(value), None, None) for value in values]
    found = draws(statistic, drawn, resamples, seed)
    if without_seed:
        others = [draws(one, drawn, resamples, seed) for one in without_seed]
        found = draw_seeds(found, [(len(others) - 1) * (found - other) for other in others], seed)
    pairs = zip(values, found.T, strict=True)
    return [Interval(float(value), *ends(value, column, drawn, lowest)) for value, column in pairs]


def draws(statistic: Statistic, drawn: Units, resamples: int, seed: int = 0) -> Floats:
    """Figures of every resample, [R, K]; the same units and seed draw the same clips, so that models can be paired.

    A resample is G - 1 of the G units, with replacement: the variance over the draws then is unbiased, where that of G
    is (G - 1) / G of what it should be.

    Reference:
        Rao and Wu, Resampling inference with complex survey data, JASA, 1988, section 2.
    """
    generator, count, size = np.random.default_rng(seed), drawn.count, len(drawn.of)
    rows = max(1, _ENTRIES_A_CHUNK // size)
    found = []
    for start in range(0, resamples, rows):
        chosen = generator.integers(0, count, size=(min(rows, resamples - start), max(1, count - 1)))
        shifted = chosen + count * np.arange(len(chosen))[:, None]
        often = np.bincount(shifted.ravel(), minlength=len(chosen) * count).reshape(-1, count)
        found.append(statistic(often[:, drawn.of]))
    return np.concatenate(found)


def draw_seeds(found: Floats, influence: Sequence[Floats], seed: int = 0) -> Floats:
    """Draws of clips in which the seeds are drawn too: S - 1 of the S, with replacement, anew in each.

    The seeds are drawn independently of the clips and alike for all models with as many seeds.

    Args:
        found: figures with all seeds, [R, K].
        influence: how each seed moves them, S of [R, K]: its own figures less those of all, where all is their mean;
            S - 1 times what is lost without it, where all is something else of theirs (the jackknife's).
        seed: of the draws.
    """
    count = len(influence)
    chosen = np.random.default_rng([seed, count]).integers(0, count, size=(len(found), count - 1))
    often = (chosen[:, :, None] == np.arange(count)).mean(axis=1)  # share of each seed, [R, S]
    shares = often - 1 / count
    return np.asarray(found + np.einsum("rs,srk->rk", shares, np.stack(influence)), np.float64)


def ends(value: float, found: Floats, drawn: Units, lowest: float = 0.0) -> tuple[float, float]:
    """Ends of a 95 % interval: t standard deviations of the draws to either side, with G - 1 degrees of freedom.

    ``benchmarks.coverage`` shows why: with few groups the quantiles of the draws hold the true macro F1 too rarely.

    Args:
        value: the figure.
        found: the figure in each draw, [R].
        drawn: what was drawn, at least two units.
        lowest: what a figure can be at the least; none is above 1.

    Reference:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12.
    """
    from scipy.special import stdtrit  # late: whoever only reads runs does without it

    reach = float(stdtrit(drawn.count - 1, (1 + LEVEL) / 2) * found.std())
    return max(lowest, float(value) - reach), min(1.0, float(value) + reach)
