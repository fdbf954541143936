"""Labels of clips as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from music_affect.data.source import Clip
from music_affect.spec import Categorical, Target

MISSING_CLASS = -1


def encode(clips: Sequence[Clip], name: str, kind: Target) -> NDArray[np.int64] | NDArray[np.float32]:
    """One label of clips, in their order.

    Returns:
        Class indices, int64 [N], -1 where the label is missing; or values, float32 [N], NaN where it is missing.
    """
    if isinstance(kind, Categorical):
        place = {found: index for index, found in enumerate(kind.classes)}
        return np.array(
            [place[str(clip.labels[name])] if name in clip.labels else MISSING_CLASS for clip in clips], dtype=np.int64
        )
    return np.array([clip.labels.get(name, np.nan) for clip in clips], dtype=np.float32)


def labelled(clips: Sequence[Clip], targets: Mapping[str, Target]) -> list[Clip]:
    """Clips that carry at least one of the labels."""
    return [clip for clip in clips if any(name in clip.labels for name in targets)]
