"""What a bootstrap draws as a whole: groups of clips, or clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST_UNITS = 5  # groups or clips under which no interval is given


@dataclass(frozen=True, eq=False)
class Units:
    """What is drawn as a whole in a resample.

    Args:
        over: ``groups`` where any clip has one (a clip without one is then a group of its own), else ``clips``.
        of: number of the unit of each clip, from 0, int64 [N].
    """

    over: str
    of: NDArray[np.int64]

    @cached_property
    def count(self) -> int:
        """G, the number of units."""
        return int(self.of.max(initial=-1)) + 1

    @property
    def enough(self) -> bool:
        """Whether an interval is given."""
        return self.count >= FEWEST_UNITS

    def to_dict(self) -> dict[str, Any]:
        """``{"over": …, "count": …}``, which says what the intervals are over."""
        return {"over": self.over, "count": self.count}


def units(groups: Sequence[str | None]) -> Units:
    """The units of clips, from the name of each clip's group; None and empty names are clips that stand alone."""
    if not any(groups):
        return Units("clips", np.arange(len(groups)))
    numbers: dict[tuple[bool, str], int] = {}
    names = [(bool(group), group or str(place)) for place, group in enumerate(groups)]
    return Units("groups", np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64))
