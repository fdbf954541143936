"""Which clips a network has been trained on: by their ids, and by the digests of their features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from music_affect.data.cache.features import FeatureCache
    from music_affect.data.source import Clip

TrainedOn = Mapping[str, Sequence[str]]  # ids of clips by data set


def training_ids(train: Sequence[Clip], data: str, before: TrainedOn) -> dict[str, list[str]]:
    """Ids of the clips that a network was trained on, by data set.

    Args:
        train: training clips.
        data: name of the data set, where they come from a single one.
        before: ids of the clips that its start was trained on, those of the start's own start included.
    """
    found = {name: set(ids) for name, ids in before.items()}
    for clip in train:
        name, own = _named(clip, data)
        found.setdefault(name, set()).add(own)
    return {name: sorted(ids) for name, ids in found.items()}


def training_digests(train: Sequence[Clip], cache: FeatureCache, before: Sequence[int]) -> list[int]:
    """Digests of the features of these clips, ascending."""
    return sorted({*cache.digests_of(train).tolist(), *before})


def count_trained_on(
    trained_on: TrainedOn, digests: Sequence[int], clips: Sequence[Clip], data: str, cache: FeatureCache
) -> int:
    """How many clips a network was trained on: those of a training clip's data set and id, and identical copies."""
    ids = _pairs(trained_on)
    by_name = np.array([_named(clip, data) in ids for clip in clips], bool)
    copies = np.isin(cache.digests_of(clips), np.array(digests, np.int64))
    return int((by_name | copies).sum())


def count_trained_before(before: TrainedOn, now: TrainedOn, test: Sequence[Clip], data: str) -> int:
    """Test clips that were trained on before, and would not be now."""
    return len((_pairs(before) - _pairs(now)) & {_named(clip, data) for clip in test})


def _pairs(trained_on: TrainedOn) -> set[tuple[str, str]]:
    """Data set and id of each clip."""
    return {(name, own) for name, ids in trained_on.items() for own in ids}


def _named(clip: Clip, data: str) -> tuple[str, str]:
    """Data set and id as that set gives it, without the prefix that two sets used together need."""
    return clip.data or data, clip.id.removeprefix(f"{clip.data}/") if clip.data else clip.id
