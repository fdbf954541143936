"""The reference models of a run, fitted and tested on the clips that the network is trained and tested on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.data.clip_store import View
from music_affect.data.source import Clip
from music_affect.evaluation.baselines import LinearReference, MajorityReference, Reference
from music_affect.evaluation.scores import classification_scores
from music_affect.preparation import Prepared, statistics
from music_affect.spec import Categorical


def labels(prepared: Prepared, clips: Sequence[Clip]) -> NDArray[np.int64]:
    """Class indices of clips, int64 [N]."""
    assert isinstance(prepared.kind, Categorical)
    place = {name: index for index, name in enumerate(prepared.kind.classes)}
    return np.array([place[str(clip.labels[prepared.target])] for clip in clips], dtype=np.int64)


def rows(prepared: Prepared, view: View, clips: Sequence[Clip]) -> NDArray[np.float32]:
    """Clip statistics of clips, float32 [N, D]."""
    return statistics(prepared.cache, view)[[prepared.cache.position[clip.id] for clip in clips]]


def fit(reference: Reference, prepared: Prepared, view: View) -> Reference:
    """Learns from the training part."""
    train = prepared.splits["train"]
    assert isinstance(prepared.kind, Categorical)
    return reference.fit(rows(prepared, view, train), labels(prepared, train), prepared.kind.num_classes)


def scores(prepared: Prepared, view: View) -> dict[str, dict[str, Any]]:
    """Test scores of the majority and the linear reference."""
    assert isinstance(prepared.kind, Categorical)
    test = prepared.splits["test"]
    statistics_of_test, gold = rows(prepared, view, test), labels(prepared, test)
    fitted = {"majority": fit(MajorityReference(), prepared, view), "linear": fit(LinearReference(), prepared, view)}
    return {
        name: classification_scores(reference.predict(statistics_of_test), gold, prepared.kind.classes)
        for name, reference in fitted.items()
    }
