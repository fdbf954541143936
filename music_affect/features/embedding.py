"""Answers of a trained network to patches of a clip, as one more kind of features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from itertools import accumulate, pairwise
from typing import Any, Protocol

import numpy as np

from music_affect.features.analysis import Window
from music_affect.features.extraction import Features
from music_affect.features.log_mel import LogMelExtractor
from music_affect.features.spectrogram import Floats


class EmbeddingNetwork(Protocol):
    """A frozen network: picklable, since it crosses to worker processes, where its weights are read on first use."""

    @property
    def widths(self) -> Mapping[str, int]:
        """Columns of each block of its answers, in order."""
        ...

    def settings(self) -> dict[str, Any]:
        """All that changes its answers, in plain values: its name and a digest of its weights."""
        ...

    def prepare(self) -> None:
        """Makes sure that its weights are there, once, before worker processes start."""
        ...

    def __call__(self, patches: Floats) -> Floats:
        """Patches [P, patch_frames, n_mels] to answers [P, sum of the widths], float32."""
        ...


@dataclass(frozen=True)
class EmbeddingExtractor(LogMelExtractor):
    """A row a patch of the log-mel spectrogram: what a network says of it.

    The last, incomplete patch of a clip is left out, as it is where such networks were trained. A clip shorter than a
    patch is repeated until it fills one: silence would be taken for a part of the music.

    Args:
        patch_frames: frames of a patch.
        patch_hop: frames from the start of a patch to that of the next.
        network: answers for patches.
    """

    patch_frames: int = 187
    patch_hop: int = 187
    _: KW_ONLY
    network: EmbeddingNetwork

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("patch_frames", "patch_hop"):
            self.require(name, getattr(self, name) > 0, "a positive number")

    @property
    def blocks(self) -> Mapping[str, tuple[int, int]]:
        return dict(
            zip(self.network.widths, pairwise(accumulate(self.network.widths.values(), initial=0)), strict=True)
        )

    @property
    def frame_rate(self) -> float:
        """Rows a second."""
        return super().frame_rate / self.patch_hop

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "network": self.network.settings()}

    def prepare(self) -> None:
        self.network.prepare()

    def features(self, window: Window) -> Features:
        patches = in_patches(self.levels(window), self.patch_frames, self.patch_hop)
        return Features(self.network(patches), len(window.at(self.sample_rate)) / self.sample_rate)


def in_patches(frames: Floats, length: int, hop: int) -> Floats:
    """Whole patches of a clip, at least one.

    Args:
        frames: float32 [T, F].
        length: frames of a patch.
        hop: frames from one to the next.

    Returns:
        float32 [P, length, F] with P = 1 + (T - length) // hop, or one patch of the clip repeated where T < length.
    """
    if len(frames) < length:
        return np.resize(frames, (1, length, frames.shape[1]))
    windows = np.lib.stride_tricks.sliding_window_view(frames, length, axis=0)[::hop]
    return np.array(windows.transpose(0, 2, 1), order="C")  # a copy: a view may not be written
