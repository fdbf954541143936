"""Nearest neighbours among the training clips: what features tell without a model on top of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from music_affect.contracts.spec import Categorical, Target
from music_affect.evaluation.baselines.fitted import Neighbours
from music_affect.evaluation.baselines.reference import Learnt, Reference

MOST = 5000  # training clips that are kept; more would make a checkpoint as large as the features


class NeighboursReference(Reference):
    """Answers with the labels of the training clips that are nearest by the cosine of their statistics.

    Args:
        counts: neighbours that answer, the usual number first. Another one is taken where it answers held-out training
            clips clearly better.

    Reference:
        Cover and Hart, Nearest neighbor pattern classification, IEEE Transactions on Information Theory 13(1), 1967.
    """

    def __init__(self, counts: Sequence[int] = (9, 1, 3, 5, 15, 25)) -> None:
        self.counts = counts

    def estimators(
        self, target: Target, clips: int, figures: int
    ) -> Sequence[KNeighborsClassifier | KNeighborsRegressor]:
        kind = KNeighborsClassifier if isinstance(target, Categorical) else KNeighborsRegressor
        # Half of the clips are there whenever some are held out.
        counts = [count for count in self.counts if count <= clips // 2] or [1]
        return [kind(count, metric="cosine", algorithm="brute") for count in counts]

    def plain(self, learnt: Learnt) -> Neighbours:
        kept = np.sort(np.random.default_rng(0).permutation(len(learnt.labels))[:MOST])
        support, labels = learnt.inputs[kept].astype(np.float32), learnt.labels[kept]
        count, scaler = int(learnt.estimator.n_neighbors), learnt.scaler
        return Neighbours(learnt.target, scaler.mean_, scaler.scale_, support, labels, count)
