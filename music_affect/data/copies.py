"""Clips with identical features: copies of one recording under whatever file, folder or data set name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from music_affect.data.cache.features import FeatureCache
from music_affect.data.source import SPLITS, Clip


@dataclass(frozen=True)
class Copies:
    """Copies among the clips of a division.

    Args:
        across: clips of the second part that are copies of clips of the first, by (first, second); none of them 0.
        within: clips that repeat another one of their own part.
        differing: copies that have unlike labels.
    """

    across: Mapping[tuple[str, str], int]
    within: int
    differing: int

    def remarks(self) -> dict[str, int]:
        """What is worth a word though it flatters no score."""
        told = {"identical copies of another clip of their part": self.within}
        told["identical copies with unlike labels"] = self.differing
        return {remark: count for remark, count in told.items() if count}


def find_copies(splits: Mapping[str, Sequence[Clip]], cache: FeatureCache, targets: Iterable[str]) -> Copies:
    """Compares the digests of the clips' features.

    Args:
        splits: clips by part, all of them in the cache.
        cache: knows their digests.
        targets: labels that are compared.
    """
    digests = {name: cache.digests_of(splits[name]) for name in SPLITS}
    across = {pair: int(np.isin(digests[pair[1]], digests[pair[0]]).sum()) for pair in combinations(SPLITS, 2)}
    within = sum(len(found) - len(np.unique(found)) for found in digests.values())
    groups = _repeated([clip for name in SPLITS for clip in splits[name]], np.concatenate(list(digests.values())))
    differing = sum(len(group) for group in groups if any(_differ(group, name) for name in targets))
    return Copies({pair: count for pair, count in across.items() if count}, within, differing)


def _repeated(clips: Sequence[Clip], digests: NDArray[np.int64]) -> list[list[Clip]]:
    """Clips of each digest that several have."""
    _, group, counts = np.unique(digests, return_inverse=True, return_counts=True)
    groups: dict[int, list[Clip]] = {}
    for place in np.flatnonzero(counts[group] > 1).tolist():
        groups.setdefault(int(group[place]), []).append(clips[place])
    return list(groups.values())


def _differ(clips: Sequence[Clip], target: str) -> bool:
    return len({clip.labels[target] for clip in clips if target in clip.labels}) > 1
