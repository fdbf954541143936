"""Labels of clips: as arrays, and whether they can be learnt from."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import LabelError
from music_affect.contracts.spec import Categorical, Tags, Target
from music_affect.data.source import Clip

if TYPE_CHECKING:
    from music_affect.data.cache.features import FeatureCache

MISSING_CLASS = -1


def encode(clips: Sequence[Clip], name: str, kind: Target) -> NDArray[np.int64] | NDArray[np.float32]:
    """One label of clips, in their order.

    Returns:
        Class indices, int64 [N], -1 where the label is missing; or values, float32 [N], NaN where it is missing; or for
        each tag 1 or 0, float32 [N, C], rows of NaN where it is missing.
    """
    if isinstance(kind, Categorical):
        place = {found: index for index, found in enumerate(kind.classes)}
        return np.array(
            [place[str(clip.labels[name])] if name in clip.labels else MISSING_CLASS for clip in clips], dtype=np.int64
        )
    if isinstance(kind, Tags):
        return np.array([kind.row(clip.labels.get(name, "")) for clip in clips], np.float32).reshape(
            -1, len(kind.names)
        )
    return np.array([clip.labels.get(name, np.nan) for clip in clips], dtype=np.float32)


def labelled(clips: Sequence[Clip], targets: Collection[str]) -> list[Clip]:
    """Clips that carry at least one of the labels."""
    return [clip for clip in clips if any(name in clip.labels for name in targets)]


def labels_hash(clips: Sequence[Clip], targets: Iterable[str]) -> str:
    """Fingerprint of what the label files say of the labelled clips: labels, group, prescribed part and fold."""
    wanted = sorted(targets)
    lines = [
        repr((clip.data, clip.id, [clip.labels.get(name) for name in wanted], clip.group, clip.split, clip.fold))
        for clip in labelled(clips, wanted)
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode(errors="surrogateescape")).hexdigest()[:16]


def usable(clips: Sequence[Clip], targets: Mapping[str, Target], cache: FeatureCache) -> list[Clip]:
    """Clips that have one of the labels at least, and features.

    Raises:
        LabelError: a label has no such clip, or the same value in all of them.
    """
    found = [clip for clip in labelled(clips, targets) if clip.id in cache.position]
    for name in targets:
        if not any(name in clip.labels for clip in found):
            raise LabelError(
                f"none of the {len(clips)} clips has both a label '{name}' and usable features",
                expected="labelled, readable clips",
                fix=f"look at {cache.folder / 'skipped.csv'} and at the label file",
            )
    check_variety(found, targets)
    return found


def check_variety(clips: Sequence[Clip], targets: Iterable[str]) -> None:
    """Refuses labels that are the same everywhere.

    Raises:
        LabelError: with the label and its value.
    """
    for name in targets:
        values = {clip.labels[name] for clip in clips if name in clip.labels}
        if len(values) == 1:
            raise LabelError(
                f"all clips have the same '{name}' ({values.pop()})",
                expected="two different ones or more: there is nothing to learn from a constant",
                fix="add clips with another, or choose other labels with task.target or task.targets",
            )
