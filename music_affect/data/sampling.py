"""Which clips make a batch, and where they are cropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

BATCHES_A_POOL = 8  # clips are sorted by length within so many batches: little padding, still random company


@dataclass(frozen=True)
class BatchPlan:
    """One batch before it is read.

    Args:
        clips: places of the clips within the split, int64 [B].
        begins: first frame of each crop, int64 [B].
        seed: of the augmentation.
        rows: which of the rows this process takes, where several train together.
    """

    clips: NDArray[np.int64]
    begins: NDArray[np.int64]
    seed: int
    rows: slice = field(default_factory=lambda: slice(None))


class TrainingSampler(Sampler[BatchPlan]):
    """Shuffled batches with random crops.

    Everything is drawn from ``(seed, epoch)``: a run that was resumed at an epoch goes on exactly as it would have.
    Batches differ in size by one clip at most, so that none is too small for batch statistics. Clips of unlike
    lengths are grouped by length.

    Args:
        lengths: frames of each clip [N].
        batch_size: clips a batch.
        crop_frames: frames of a crop, or None for whole clips.
        seed: of the training run.
        weights: relative frequency of each clip [N] in an epoch (class balance), or None for each clip once.
        crop_step: crops begin at multiples of so many frames.

    Attributes:
        smallest: rows of the smallest batch.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        batch_size: int,
        crop_frames: int | None,
        seed: int,
        weights: NDArray[np.float64] | None = None,
        crop_step: int = 1,
    ) -> None:
        self._lengths, self._crop, self._seed, self._step = lengths, crop_frames, seed, crop_step
        self._count = -(-len(lengths) // batch_size)
        self.smallest = len(lengths) // self._count
        self._probabilities = None if weights is None else weights / weights.sum()
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[BatchPlan]:
        random = np.random.default_rng((self._seed, self._epoch))
        size = len(self._lengths)
        order = (
            random.permutation(size)
            if self._probabilities is None
            else random.choice(size, size, p=self._probabilities)
        )
        seen = self._lengths if self._crop is None else np.minimum(self._lengths, self._crop)
        if seen.min() != seen.max():
            order = _by_length(order, seen, -(-size // self._count), random)
        batches = np.array_split(order, self._count)
        for place in random.permutation(self._count) if seen.min() != seen.max() else range(self._count):
            clips = batches[place].astype(np.int64)
            room = np.maximum(self._lengths[clips] - (self._crop or self._lengths[clips]), 0)
            begins = (random.random(len(clips)) * (room // self._step + 1)).astype(np.int64) * self._step
            yield BatchPlan(clips, begins, int(random.integers(2**62)))


def _by_length(
    order: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int, random: np.random.Generator
) -> NDArray[np.int64]:
    pool = batch_size * BATCHES_A_POOL
    pieces = [order[begin : begin + pool] for begin in range(0, len(order), pool)]
    return np.concatenate([piece[np.argsort(lengths[piece], kind="stable")] for piece in pieces])


class WindowSampler(Sampler[BatchPlan]):
    """The whole of every clip in evenly spread windows, in order; predictions of a clip's windows are averaged later.

    Args:
        lengths: frames of each clip [N].
        batch_size: windows a batch.
        crop_frames: frames of a window, or None for whole clips.
        windows: windows a clip at least, and as many as hold all of it; None takes its middle alone.
        crop_step: windows begin at multiples of so many frames.
        each: a batch holds the windows of one clip, and clips come in order.

    Attributes:
        smallest: rows of the smallest batch.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        batch_size: int,
        crop_frames: int | None,
        windows: int | None,
        crop_step: int = 1,
        *,
        each: bool = False,
    ) -> None:
        pairs = [
            (clip, begin)
            for clip, length in enumerate(lengths)
            for begin in window_begins(int(length), crop_frames, windows, crop_step)
        ]
        table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        if each:
            self._batches = np.split(table, np.flatnonzero(np.diff(table[:, 0])) + 1)
        else:
            # Sorted by length, so that a batch of whole clips is hardly padded. The answer does not depend on it.
            table = table[np.argsort(lengths[table[:, 0]], kind="stable")]
            self._batches = np.array_split(table, max(1, -(-len(table) // batch_size)))
        self.smallest = min(map(len, self._batches))

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[BatchPlan]:
        for batch in self._batches:
            yield BatchPlan(batch[:, 0], batch[:, 1], 0)


class RankSampler(Sampler[BatchPlan]):
    """One process's rows of every batch: all processes together take each row once.

    Args:
        sampler: plans the batches, alike in every process.
        rank: of this process.
        ranks: processes that share the batches, no more than the smallest batch has rows.
    """

    def __init__(self, sampler: TrainingSampler | WindowSampler, rank: int, ranks: int) -> None:
        self._sampler, self._rank, self._ranks = sampler, rank, ranks

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        if isinstance(self._sampler, TrainingSampler):
            self._sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[BatchPlan]:
        # Not a block of neighbours: batches may be sorted by length, and each process then pads equally much.
        rows = slice(self._rank, None, self._ranks)
        return (replace(plan, rows=rows) for plan in self._sampler)


def window_begins(length: int, crop_frames: int | None, windows: int | None, crop_step: int = 1) -> list[int]:
    """First frames of evenly spread windows that hold every frame of a clip, multiples of ``crop_step``.

    Args:
        length: frames of the clip.
        crop_frames: of a window; None takes the whole clip.
        windows: that are taken at least, and more where the clip would not be covered; None takes its middle alone.
        crop_step: frames of a self-contained piece, in whose middle no window begins.
    """
    if crop_frames is None or length <= crop_frames:
        return [0]
    last = (length - crop_frames) // crop_step
    if windows is None:
        return [last // 2 * crop_step]
    count = max(windows, -(-length // crop_frames))
    return sorted({round(begin) * crop_step for begin in np.linspace(0, last, count)})
