"""One vector a clip, for reference models that see no frames: clips of any length, the same number of figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from music_affect.features.clip_statistics.chroma_statistics import chroma_statistics
from music_affect.features.clip_statistics.loudness_statistics import integrated_loudness
from music_affect.features.clip_statistics.mel_statistics import mel_statistics
from music_affect.features.clip_statistics.moments import moments

EMBEDDINGS = ("embedding", "pooled", "tags")  # blocks whose rows are a pretrained network's answers for patches
LOUDNESS_COPIES = 32  # one number among 1600 would hardly move the distance of two clips or earn a weight
VERSION = 1  # raise it when the figures change: those kept beside a feature cache are then computed anew


def clip_statistics(features: ArrayLike, blocks: Mapping[str, tuple[int, int]]) -> NDArray[np.float32]:
    """Summarise a clip's cached features.

    Every block gives its moments over the frames; ``mel``, ``chroma`` and ``loudness`` add what their columns mean.
    Rows may be frames or beats: what counts cycles or lags then counts beats. A network's embedding gives its mean
    alone: a clip has some ten rows of it, whose spread and shape are noise.

    Args:
        features: features as cached, before any standardisation (mel in dB, chroma 0 … 1), finite, [T, F], T >= 1.
        blocks: column ranges [start, stop) by what they hold, e.g. ``{"mel": (0, 128), "chroma": (128, 140)}``.

    Returns:
        Statistics, finite, float32 [D]; D depends on the blocks alone.

    Raises:
        ValueError: there is no frame, or no block.
    """
    frames = np.asarray(features, np.float32)
    if frames.ndim != 2 or len(frames) == 0 or not blocks:
        raise ValueError(f"statistics need frames [T >= 1, F] and a block, found {frames.shape} and {dict(blocks)}")
    return np.concatenate([_block_statistics(name, frames[:, start:stop]) for name, (start, stop) in blocks.items()])


def _block_statistics(name: str, frames: NDArray[np.float32]) -> NDArray[np.float32]:
    if name in EMBEDDINGS:
        return np.asarray(frames.mean(axis=0), np.float32)
    parts = [moments(frames)]
    if name == "mel":
        parts.append(mel_statistics(frames))
    elif name == "chroma":
        parts.append(chroma_statistics(frames))
    elif name == "loudness":
        parts.append(np.full(LOUDNESS_COPIES, integrated_loudness(frames[:, 0])))
    return np.concatenate(parts).astype(np.float32)
