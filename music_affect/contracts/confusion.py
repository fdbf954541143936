"""Macro F1 and its neighbours from confusion counts: one definition for training, reports and bootstrap resamples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HEADLINES = ("f1_macro", "f1_weighted", "accuracy")


def confusions(cells: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """Confusion matrices [R, C, C] from cell numbers ``true * C + predicted`` [R, n], all R in one count."""
    size = num_classes**2
    shifted = cells + size * np.arange(len(cells))[:, None]
    counts = np.bincount(shifted.ravel(), minlength=size * len(cells))
    return counts.reshape(-1, num_classes, num_classes)


def headlines(confusions: NDArray[np.int64]) -> NDArray[np.float64]:
    """Macro F1, weighted F1 and accuracy, [R, 3], of confusion matrices [R, C, C]."""
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    support, predicted = confusions.sum(axis=2), confusions.sum(axis=1)
    f1 = ratio(2 * hits, support + predicted)
    clips = support.sum(axis=1)
    macro = f1.sum(axis=1) / (support + predicted > 0).sum(axis=1)
    return np.stack([macro, (f1 * support).sum(axis=1) / clips, hits.sum(axis=1) / clips], axis=1)


def ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Part of a whole, 0 where there is none."""
    return np.divide(part, whole, out=np.zeros(whole.shape), where=whole > 0)
