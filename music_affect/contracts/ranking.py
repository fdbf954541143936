"""How well scores rank clips with a tag above those without: one definition for training, reports and resamples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FIGURES = ("average_precision", "roc_auc")


def scorable(labels: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether a tag has both a clip with it and one without it, [C], for labels of 0 and 1, [N, C]."""
    return np.asarray((labels == 1).any(axis=0) & (labels == 0).any(axis=0))


def rankings(scores: Floats, labels: NDArray[np.floating], counts: NDArray[np.int64] | None = None) -> Floats:
    """Average precision and the area under the ROC curve of each tag, [R, 2, C].

    They are scikit-learn's ``average_precision_score`` and ``roc_auc_score`` with the counts as ``sample_weight``:
    clips with equal scores count as one step of either curve. A tag has NaN where all drawn clips have it, or none.

    Args:
        scores: of each clip for each tag, [N, C].
        labels: 1 where a clip has the tag, else 0, [N, C].
        counts: how often each clip counts, a resample a row, [R, N]; None counts each clip once, R = 1.
    """
    weights = np.ones((1, len(labels)), np.int64) if counts is None else counts
    found = [_ranking(*columns, weights) for columns in zip(scores.T, labels.T == 1, strict=True)]
    return np.stack(found, axis=2) if found else np.empty((len(weights), 2, 0))


def macro(figures: Floats) -> Floats:
    """Means over the tags that have a figure, [R, 2], of ``rankings`` [R, 2, C]; NaN where none has one."""
    there = ~np.isnan(figures)
    sums, count = np.where(there, figures, 0.0).sum(axis=2), there.sum(axis=2)
    return np.asarray(np.divide(sums, count, out=np.full(sums.shape, np.nan), where=count > 0))


def _ranking(scores: Floats, has_it: NDArray[np.bool_], counts: NDArray[np.int64]) -> Floats:
    """Both figures of one tag, [R, 2]."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(-scores[order], prepend=-np.inf))
    ordered, positive = counts[:, order], has_it[order]
    hits, misses = (np.add.reduceat(ordered * side, starts, axis=1) for side in (positive, ~positive))
    all_hits, all_misses = hits.cumsum(axis=1), misses.cumsum(axis=1)
    positives, negatives = all_hits[:, -1], all_misses[:, -1]
    precision = all_hits / np.maximum(all_hits + all_misses, 1)
    pairs = positives * negatives
    won = ((all_hits - hits / 2) * misses).sum(axis=1)
    sums = np.stack([(hits * precision).sum(axis=1), won], axis=1)
    among = np.stack([positives, pairs], axis=1)
    valid = np.broadcast_to((pairs > 0)[:, None], sums.shape)
    return np.asarray(np.divide(sums, among, out=np.full(sums.shape, np.nan), where=valid))
