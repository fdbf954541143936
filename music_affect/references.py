"""The reference models of a run, fitted and tested on the clips that the network is trained and tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.data.labels import MISSING_CLASS, encode
from music_affect.data.source import Clip
from music_affect.data.view import View
from music_affect.evaluation.baselines import LinearReference, MajorityReference, Reference
from music_affect.evaluation.scale_baselines import MeanReference, RidgeReference, ScaleReference
from music_affect.measurement import Predictions, measure
from music_affect.preparation import Prepared, statistics
from music_affect.spec import Categorical, Target

Kinds = tuple[Reference, ScaleReference]
Fitted = Mapping[str, Reference | ScaleReference]


def majority() -> Kinds:
    """Answers the same whatever the music: the shares of the classes, the mean of a scale."""
    return MajorityReference(), MeanReference()


def linear() -> Kinds:
    """Linear in the statistics of a clip."""
    return LinearReference(), RidgeReference()


MAKERS = {"majority": majority, "linear": linear}


def rows(prepared: Prepared, view: View, clips: Sequence[Clip]) -> NDArray[np.float32]:
    """Clip statistics of clips, float32 [N, D]."""
    return statistics(prepared.cache, view)[[prepared.cache.position[clip.id] for clip in clips]]


def fit(make: Any, prepared: Prepared, view: View) -> dict[str, Reference | ScaleReference]:
    """One reference a label, learnt from the training clips that carry it.

    Args:
        make: gives a fresh reference for a class and one for a scale.
        prepared: clips and labels.
        view: the columns in use.
    """
    train = prepared.splits["train"]
    found = rows(prepared, view, train)
    fitted: dict[str, Reference | ScaleReference] = {}
    for name, kind in prepared.targets.items():
        for_class, for_scale = make()
        labels = encode(train, name, kind)
        if isinstance(kind, Categorical):
            there = labels != MISSING_CLASS
            fitted[name] = for_class.fit(found[there], labels[there], kind.num_classes)
        else:
            there = np.isfinite(labels)
            fitted[name] = for_scale.fit(found[there], labels[there].astype(np.float64), kind.low, kind.high)
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


def from_dict(model: str, plain: Mapping[str, Any], targets: Mapping[str, Target]) -> Fitted:
    """Inverse of ``to_dict`` for the model of that name."""
    for_class, for_scale = (type(reference) for reference in MAKERS[model]())
    return {
        name: for_class.from_dict(plain[name]) if isinstance(kind, Categorical) else for_scale.from_dict(plain[name])
        for name, kind in targets.items()
    }
