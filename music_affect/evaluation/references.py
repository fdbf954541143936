"""The reference models of a run, fitted and tested on the clips that the network is trained and tested on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.spec import Categorical, Continuous, Target
from music_affect.data.labels import MISSING_CLASS, encode
from music_affect.data.preparation import Prepared, statistics
from music_affect.data.source import Clip
from music_affect.data.view import View
from music_affect.evaluation.baselines import fitted as plain_forms
from music_affect.evaluation.baselines.kernel import KernelReference
from music_affect.evaluation.baselines.linear import LinearReference, MajorityReference, MeanReference, RidgeReference
from music_affect.evaluation.baselines.reference import Reference
from music_affect.evaluation.measurement import measure
from music_affect.runs.predictions import Predictions

Fitted = Mapping[str, plain_forms.Fitted]
"""By label."""

References = tuple[Reference | None, Reference | None]
"""For a class or tags, and for a scale; None where there is none for such labels."""

MAKERS: Mapping[str, Callable[[], References]] = {
    "majority": lambda: (MajorityReference(), MeanReference()),
    "linear": lambda: (LinearReference(), RidgeReference()),
    "kernel": lambda: (None, KernelReference()),
}
"""The same answer whatever the music, a linear model, and for scales one that need not be linear."""


def rows(prepared: Prepared, view: View, clips: Sequence[Clip]) -> NDArray[np.float32]:
    """Clip statistics of clips, float32 [N, D]."""
    return statistics(prepared.cache, view)[[prepared.cache.position[clip.id] for clip in clips]]


def fit(make: Callable[[], References], prepared: Prepared, view: View) -> Fitted:
    """One reference a label, learnt from the training clips that carry it.

    Args:
        make: gives a reference for a class or tags, and one for a scale.
        prepared: clips and labels.
        view: the columns in use.

    Raises:
        LabelError: no training clip carries one of the labels.
    """
    train, (for_class, for_scale) = prepared.splits["train"], make()
    # A clip that nobody's name stands on is a group of its own; no id has a zero byte.
    groups = np.array([f"{clip.id}\0" if clip.group is None else clip.group for clip in train])
    found, fitted = rows(prepared, view, train), {}
    for name, kind in prepared.targets.items():
        labels = encode(train, name, kind)
        known = labels != MISSING_CLASS if isinstance(kind, Categorical) else np.isfinite(labels)
        there = known.reshape(len(train), -1).all(axis=1)  # of tags a row has all or none
        reference = for_scale if isinstance(kind, Continuous) else for_class
        if reference is not None:
            fitted[name] = reference.fit(found[there], labels[there], kind, groups[there])
    return fitted


def predict(fitted: Fitted, found: NDArray[np.float32]) -> Predictions:
    """Answers of fitted references for clip statistics [N, D]."""
    return {name: reference.predict(found) for name, reference in fitted.items()}


def answers(prepared: Prepared, view: View) -> dict[str, Predictions]:
    """What the references that there are for labels of these kinds answer for the test clips."""
    found = rows(prepared, view, prepared.splits["test"])
    fitted = {name: fit(make, prepared, view) for name, make in MAKERS.items()}
    return {name: predict(models, found) for name, models in fitted.items() if models}


def scores(prepared: Prepared, answered: Mapping[str, Predictions]) -> dict[str, dict[str, Any]]:
    """Test scores of references, by what they answered."""
    return {
        name: measure(found, prepared.splits["test"], {label: prepared.targets[label] for label in found})
        for name, found in answered.items()
    }


def to_dict(fitted: Fitted) -> dict[str, Any]:
    """Plain containers and tensors by label, for a checkpoint."""
    return {name: reference.to_dict() for name, reference in fitted.items()}


def from_dict(plain: Mapping[str, Any], targets: Mapping[str, Target]) -> Fitted:
    """Inverse of ``to_dict``."""
    return {name: plain_forms.from_dict(plain[name], kind) for name, kind in targets.items()}
