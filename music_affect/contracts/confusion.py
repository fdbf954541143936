"""Macro F1 and its neighbours from confusion counts: one definition for training, reports and bootstrap resamples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HEADLINES = ("f1_macro", "f1_weighted", "accuracy")


def confusions(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int, counts: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Confusion matrices, true classes in rows and predicted ones in columns, int64 [R, C, C].

    Args:
        labels: class of each clip, [N].
        predicted: class that was predicted for it, [N].
        num_classes: C.
        counts: how often each clip counts, a matrix a row, [R, N]; None counts each clip once, R = 1.
    """
    weights = np.ones((1, len(labels)), np.int64) if counts is None else counts
    cells = labels * num_classes + predicted
    order = np.argsort(cells, kind="stable")
    occupied, starts = np.unique(cells[order], return_index=True)
    found = np.zeros((len(weights), num_classes**2), np.int64)
    if len(occupied):
        found[:, occupied] = np.add.reduceat(weights[:, order], starts, axis=1)
    return found.reshape(-1, num_classes, num_classes)


def headlines(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Macro F1, weighted F1 and accuracy, [R, 3], of confusion matrices [R, C, C].

    Macro F1 is the plain mean over the classes that have a label, whatever is predicted: scikit-learn's ``f1_score``
    with these classes as ``labels``. A matrix without a label has the figures 0.
    """
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    support, predicted = confusions.sum(axis=2), confusions.sum(axis=1)
    f1 = ratio(2 * hits, support + predicted)  # 0 where a class has no label, so that it adds nothing
    clips = support.sum(axis=1)
    macro = ratio(f1.sum(axis=1), (support > 0).sum(axis=1))
    return np.stack([macro, ratio((f1 * support).sum(axis=1), clips), ratio(hits.sum(axis=1), clips)], axis=1)


def ratio(part: NDArray[np.int64] | NDArray[np.float64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Part of a whole, 0 where there is none."""
    return np.divide(np.asarray(part, np.float64), whole, out=np.zeros(whole.shape), where=whole > 0)
