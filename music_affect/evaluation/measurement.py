"""Predictions of clips against their labels: the figures of a run, whatever its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from music_affect.contracts.spec import Target
from music_affect.data.labels import encode
from music_affect.data.source import Clip
from music_affect.evaluation.scores import scores_of
from music_affect.runs.predictions import Predictions


def measure(predictions: Predictions, clips: Sequence[Clip], targets: Mapping[str, Target]) -> dict[str, Any]:
    """Scores every label over the clips that carry it.

    Returns:
        ``classification``, ``regression`` and ``tagging``, each where the targets hold such a label.
    """
    labels = {name: encode(clips, name, kind) for name, kind in targets.items()}
    return scores_of(predictions, labels, targets, [clip.group for clip in clips])
