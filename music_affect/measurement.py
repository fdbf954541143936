"""Predictions of clips against their labels: the figures of a run, whatever its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.data.labels import encode
from music_affect.data.source import Clip
from music_affect.evaluation.scores import scores_of
from music_affect.spec import Categorical, Target

Predictions = Mapping[str, NDArray[np.float64]]
"""By label: class probabilities [N, C], or values [N]."""


def measure(predictions: Predictions, clips: Sequence[Clip], targets: Mapping[str, Target]) -> dict[str, Any]:
    """Scores every label over the clips that carry it.

    Returns:
        ``classification`` and ``regression``, each where the targets hold such a label.
    """
    labels = {name: encode(clips, name, kind) for name, kind in targets.items()}
    return scores_of(predictions, labels, targets)


def scales(targets: Mapping[str, Target]) -> list[str]:
    """Names of the labels that are scales."""
    return [name for name, kind in targets.items() if not isinstance(kind, Categorical)]


def values(clips: Sequence[Clip], targets: Mapping[str, Target]) -> NDArray[np.float64]:
    """Labels on all scales, float64 [N, K], NaN where missing."""
    return np.stack([encode(clips, name, targets[name]).astype(np.float64) for name in scales(targets)], axis=1)


def stacked(predictions: Predictions, names: Sequence[str]) -> NDArray[np.float64]:
    """Predicted values on scales, float64 [N, K]."""
    return np.stack([predictions[name] for name in names], axis=1)
