"""How well scores rank clips with a tag above those without: one definition for training, reports and resamples."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int32]
FIGURES = ("average_precision", "roc_auc")
_ENDS: tuple[Literal["left"], Literal["right"]] = ("left", "right")  # of clips with equal scores


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
    often = np.ones((1, len(labels))) if counts is None else counts
    weights = np.ascontiguousarray(often.T, np.int32)  # a row a clip: sorting clips then copies whole rows
    found = [_ranking(*columns, weights) for columns in zip(scores.T, labels.T == 1, strict=True)]
    return np.stack(found, axis=2) if found else np.empty((len(often), 2, 0))


def macro(figures: Floats) -> Floats:
    """Means over the tags that have a figure, [R, 2], of ``rankings`` [R, 2, C]; NaN where none has one."""
    there = ~np.isnan(figures)
    sums, count = np.where(there, figures, 0.0).sum(axis=2), there.sum(axis=2)
    return np.asarray(np.divide(sums, count, out=np.full(sums.shape, np.nan), where=count > 0))


def _ranking(scores: Floats, has_it: NDArray[np.bool_], weights: Counts) -> Floats:
    """Both figures of one tag, [R, 2], of clips counted so often, int32 [N, R].

    Only the clips that have the tag are looked at one by one: how many rank as high as each of them, or higher.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, counted = -scores[order], weights[order]
    own, hits = ordered[has_it[order]], counted[has_it[order]]
    upto, hits_upto = _cumulative(counted), _cumulative(hits)
    all_before, all_within = (upto[np.searchsorted(ordered, own, side)] for side in _ENDS)
    hits_before, hits_within = (hits_upto[np.searchsorted(own, own, side)] for side in _ENDS)
    positives = hits_upto[-1].astype(np.float64)
    negatives = upto[-1] - positives
    precision = hits_within / np.maximum(all_within, 1)
    above = ((all_before - hits_before) + (all_within - hits_within)) / 2  # clips without the tag; ties count half
    sums = np.stack([(hits * precision).sum(axis=0), (hits * (negatives - above)).sum(axis=0)], axis=1)
    among = np.stack([positives, positives * negatives], axis=1)
    valid = np.broadcast_to(among[:, 1:] > 0, sums.shape)
    return np.asarray(np.divide(sums, among, out=np.full(sums.shape, np.nan), where=valid))


def _cumulative(counts: Counts) -> Counts:
    """Sums of the first rows, from none of them to all, int32 [N + 1, R]."""
    return np.pad(counts.cumsum(axis=0, dtype=np.int32), ((1, 0), (0, 0)))
