"""Standardised frames of the clips of one split, gathered a batch at a time.

Two stores with one interface: ``MemoryStore`` holds everything ready to use, in host memory or on the GPU, and gathers
a batch with one indexing operation; ``MappedStore`` reads only the frames of a crop from the memory-mapped cache, so
that memory stays flat in the number of clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from music_affect.data.cache.features import FeatureCache
from music_affect.data.normalization import Normalizer
from music_affect.data.view import View


class ClipStore(Protocol):
    """Frames of the clips of one split.

    Attributes:
        lengths: frames of each clip, int64 [N].
    """

    lengths: NDArray[np.int64]

    def gather(self, clips: NDArray[np.int64], begins: NDArray[np.int64], frames: int) -> tuple[Tensor, Tensor]:
        """Crops of at most ``frames`` frames.

        Args:
            clips: places of the clips [B].
            begins: first frame of each crop [B].
            frames: longest crop.

        Returns:
            Standardised crops, zero-padded, float32 [B, T, F], and their lengths, int64 [B].
        """


class MemoryStore:
    """Every frame of the split, standardised, in one tensor."""

    def __init__(self, cache: FeatureCache, names: Sequence[str], view: View, normalizer: Normalizer) -> None:
        self.lengths = viewed_lengths(cache, names, view)
        self._frames = torch.empty(int(self.lengths.sum()), view.num_features)
        starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        for name, start, length in zip(names, starts, self.lengths, strict=True):
            self._frames[start : start + length] = normalizer(torch.from_numpy(view(cache.clip(name))))
        self._starts = starts

    def to(self, device: torch.device) -> None:
        """Moves all frames; batches are then gathered where the model is."""
        self._frames = self._frames.to(device)

    def gather(self, clips: NDArray[np.int64], begins: NDArray[np.int64], frames: int) -> tuple[Tensor, Tensor]:
        device = self._frames.device
        counts = np.minimum(self.lengths[clips] - begins, frames)
        # What is decided here is decided on the CPU, so that nothing waits for a GPU.
        first, lengths = (
            torch.from_numpy(values).to(device, non_blocking=True) for values in (self._starts[clips] + begins, counts)
        )
        steps = torch.arange(int(counts.max()), device=device)
        inside = steps < lengths[:, None]
        batch = self._frames[torch.where(inside, first[:, None] + steps, 0)]
        if counts.min() < counts.max():
            batch = batch * inside[:, :, None]
        return batch, lengths


class MappedStore:
    """Reads crops from the cache on disk."""

    def __init__(self, cache: FeatureCache, names: Sequence[str], view: View, normalizer: Normalizer) -> None:
        self._cache, self._names, self._view, self._normalizer = cache, list(names), view, normalizer
        self.lengths = viewed_lengths(cache, names, view)

    def gather(self, clips: NDArray[np.int64], begins: NDArray[np.int64], frames: int) -> tuple[Tensor, Tensor]:
        lengths = np.minimum(self.lengths[clips] - begins, frames)
        batch = torch.zeros(len(clips), int(lengths.max()), self._view.num_features)
        for row, (clip, begin, length) in enumerate(zip(clips, begins, lengths, strict=True)):
            step = self._view.average_frames
            cached = self._cache.clip(self._names[clip])[begin * step : (begin + length) * step]
            batch[row, :length] = self._normalizer(torch.from_numpy(self._view(cached)))
        return batch, torch.from_numpy(lengths)


def viewed_lengths(cache: FeatureCache, names: Sequence[str], view: View) -> NDArray[np.int64]:
    """Frames of each clip as the model sees them, int64 [N]."""
    cached = cache.lengths[[cache.position[name] for name in names]]
    return np.maximum(1, cached // view.average_frames).astype(np.int64)
