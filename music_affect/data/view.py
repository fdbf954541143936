"""Which cached columns and frames a model sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class View:
    """How cached frames become model input, apart from standardisation.

    Args:
        blocks: the column ranges that are used, by what they hold, in the cache's numbering.
        average_frames: neighbouring frames that are averaged into one; 1 keeps all.
    """

    blocks: Mapping[str, tuple[int, int]]
    average_frames: int = 1

    @property
    def columns(self) -> list[int]:
        return [column for start, stop in self.blocks.values() for column in range(start, stop)]

    @property
    def num_features(self) -> int:
        return len(self.columns)

    @property
    def own_blocks(self) -> dict[str, tuple[int, int]]:
        """The blocks in the numbering of the model's input."""
        blocks, begin = {}, 0
        for name, (start, stop) in self.blocks.items():
            blocks[name] = (begin, begin + stop - start)
            begin += stop - start
        return blocks

    def length(self, frames: int) -> int:
        """Frames that remain of a clip: full groups, or one where the clip is shorter than a group."""
        return max(1, frames // self.average_frames)

    def __call__(self, frames: NDArray[np.float16]) -> NDArray[np.float32]:
        """Cached frames [T, F cached] to model frames [T // average_frames, F]."""
        start, stop = self.columns[0], self.columns[-1] + 1
        if stop - start == self.num_features:
            used = frames[:, start:stop].astype(np.float32)
        else:
            used = frames[:, self.columns].astype(np.float32)
        if self.average_frames == 1:
            return used
        groups = self.length(len(used))
        whole = used[: groups * self.average_frames]
        averaged: NDArray[np.float32] = whole.reshape(groups, -1, self.num_features).mean(axis=1)
        return averaged
