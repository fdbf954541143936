"""The reference models of a run, fitted and tested on the clips that the network is trained and tested on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.spec import Categorical, Target
from music_affect.data.labels import MISSING_CLASS, encode
from music_affect.data.preparation import Prepared, statistics
from music_affect.data.source import Clip
from music_affect.data.view import View
from music_affect.evaluation import baselines
from music_affect.evaluation.measurement import measure
from music_affect.runs.predictions import Predictions

Fitted = Mapping[str, baselines.Fitted]
"""By label."""

MAKERS: dict[str, Callable[[], tuple[baselines.Reference, baselines.Reference]]] = {
    "majority": lambda: (baselines.MajorityReference(), baselines.MeanReference()),
    "linear": lambda: (baselines.LinearReference(), baselines.RidgeReference()),
}
"""What gives the references for a class and for a scale: the same answer whatever the music, and a linear model."""


def rows(prepared: Prepared, view: View, clips: Sequence[Clip]) -> NDArray[np.float32]:
    """Clip statistics of clips, float32 [N, D]."""
    return statistics(prepared.cache, view)[[prepared.cache.position[clip.id] for clip in clips]]


def fit(make: Callable[[], tuple[baselines.Reference, baselines.Reference]], prepared: Prepared, view: View) -> Fitted:
    """One reference a label, learnt from the training clips that carry it.

    Args:
        make: gives a reference for a class and one for a scale.
        prepared: clips and labels.
        view: the columns in use.

    Raises:
        LabelError: no training clip carries one of the labels.
    """
    train, (for_class, for_scale) = prepared.splits["train"], make()
    found, fitted = rows(prepared, view, train), {}
    for name, kind in prepared.targets.items():
        labels, categorical = encode(train, name, kind), isinstance(kind, Categorical)
        there = labels != MISSING_CLASS if categorical else np.isfinite(labels)
        fitted[name] = (for_class if categorical else for_scale).fit(found[there], labels[there], kind)
    return fitted


def predict(fitted: Fitted, found: NDArray[np.float32]) -> Predictions:
    """Answers of fitted references for clip statistics [N, D]."""
    return {name: reference.predict(found) for name, reference in fitted.items()}


def scores(prepared: Prepared, view: View) -> dict[str, dict[str, Any]]:
    """Test scores of the majority and the linear reference."""
    test = prepared.splits["test"]
    found = rows(prepared, view, test)
    return {
        name: measure(predict(fit(make, prepared, view), found), test, prepared.targets)
        for name, make in MAKERS.items()
    }


def to_dict(fitted: Fitted) -> dict[str, Any]:
    """Plain containers by label, for a checkpoint."""
    return {name: reference.to_dict() for name, reference in fitted.items()}


def from_dict(plain: Mapping[str, Any], targets: Mapping[str, Target]) -> Fitted:
    """Inverse of ``to_dict``."""
    return {name: baselines.Fitted.from_dict(plain[name], kind) for name, kind in targets.items()}
