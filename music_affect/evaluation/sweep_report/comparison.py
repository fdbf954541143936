"""Several scores on the same draws of clips: which may be the best, which differ, and how much the first flatters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music_affect.evaluation.intervals import LEVEL, Floats


@dataclass(frozen=True, eq=False)
class Comparison:
    """Every one of N configurations against every other, all at once.

    Args:
        may_be_best: whether a configuration is in the 95 % confidence set of the best, [N].
        difference: score of the row's configuration less that of the column's, [N, N].
        critical: half the width of the simultaneous 95 % intervals of all differences: a larger one is significant.
        optimism: what the highest score is expected to exceed its true value by, for being the highest of N.
    """

    may_be_best: NDArray[np.bool_]
    difference: Floats
    critical: float
    optimism: float


def compare(scores: Floats, drawn: Floats, freedom: int) -> Comparison:
    """Compares by the largest difference that equals have in each draw, which knows how alike configurations err.

    The best is in the set unless some other is above it by more than equals are in 95 % of draws; as all others are
    compared with it at once, the set holds the truly best in 95 % of sweeps, however many configurations there are.
    In 95 % of sweeps of equals no pair differs by more than ``critical``. Draws are divided by a chi, since with few
    groups their spread is itself uncertain. Differences are not divided by their spreads: with few groups the best
    would be in the set too rarely (``benchmarks.comparisons`` prints both).

    Args:
        scores: [N].
        drawn: scores over the same draws of clips, [R, N].
        freedom: degrees of freedom of the spread of the draws: groups or clips less one.

    Reference:
        Hsu, Multiple Comparisons: Theory and Methods, 1996, chapters 4 (with the best) and 5 (all pairs).
        Westfall and Young, Resampling-Based Multiple Testing, 1993, for the maximum over draws.
    """
    chi = np.sqrt(np.random.default_rng(0).chisquare(freedom, len(drawn)) / freedom)
    errors = (drawn - drawn.mean(axis=0)) / chi[:, None]
    highest = errors.max(axis=1)
    reach = np.quantile(highest[:, None] - errors, LEVEL, axis=0)
    critical = float(np.quantile(highest - errors.min(axis=1), LEVEL))
    difference = scores[:, None] - scores
    return Comparison(scores.max() - scores <= reach, difference, critical, optimism(scores, drawn))


def optimism(scores: Floats, drawn: Floats) -> float:
    """What the highest of N scores is expected to exceed its true value by, since the highest was taken.

    It is the mean over draws of the error of whichever configuration is then the highest. Scores differ more than what
    they estimate does, so they are first drawn together until their variance is that of true values. The figure is too
    large where one configuration stands far above others that are equal.

    Args:
        scores: [N].
        drawn: scores over the same draws of clips, [R, N].

    Reference:
        Tsamardinos, Greasidou and Borboudakis, Bootstrapping the out-of-sample predictions for efficient and accurate
        cross-validation, Machine Learning, 2018, for choosing anew in every draw; Louis, Estimating a population of
        parameter values using Bayes and empirical Bayes methods, JASA, 1984, for the variance.
    """
    if len(scores) == 1:
        return 0.0
    errors = drawn - drawn.mean(axis=0)
    noise = (errors - errors.mean(axis=1, keepdims=True)).var(axis=0).sum() / (len(scores) - 1)
    spread = scores.var(ddof=1)
    kept = np.sqrt(max(0.0, 1 - noise / spread)) if spread > 0 else 0.0
    chosen = (kept * (scores - scores.mean()) + errors).argmax(axis=1)
    return float(errors[np.arange(len(errors)), chosen].mean())
