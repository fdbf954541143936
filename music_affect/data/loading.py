"""How clips are served: sizes of batches, crops and windows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from music_affect.contracts.errors import ConfigurationError

BALANCES = ("none", "sampler")


@dataclass(frozen=True)
class Loading:
    """How clips are served.

    Args:
        batch_size: clips a training batch.
        crop_frames: frames of a training crop and of a test window, as the model sees them; None takes whole clips.
        crop_step: crops and windows begin at multiples of so many frames.
        windows: windows a clip at test time, at least; more where they would not hold all of it.
        class_balance: ``none``, or ``sampler`` to draw every class equally often.
        data_balance: ``sampler`` draws every data set equally often where several are used together; ``none`` draws
            each clip once.
        in_memory_gb: a split up to this size is kept ready in memory, a larger one is read from the cache crop by crop.
        num_workers: processes that read crops of a split that is not in memory.
        overfit_batches: train on the first so many batches only, always the same crops; 0 trains on everything.
    """

    batch_size: int = 16
    crop_frames: int | None = None
    crop_step: int = 1
    windows: int = 1
    class_balance: str = "none"
    data_balance: str = "sampler"
    in_memory_gb: float = 4.0
    num_workers: int = 0
    overfit_batches: int = 0

    def __post_init__(self) -> None:
        smallest_of = {"batch_size": 1, "crop_step": 1, "windows": 1, "num_workers": 0, "overfit_batches": 0}
        for name, smallest in smallest_of.items():
            if getattr(self, name) < smallest:
                refuse(name, getattr(self, name), f"{smallest} or more")
        for name in ("class_balance", "data_balance"):
            if getattr(self, name) not in BALANCES:
                refuse(name, getattr(self, name), " or ".join(BALANCES))


def refuse(name: str, value: Any, expected: str) -> None:
    """Says that a setting of the loader cannot work."""
    raise ConfigurationError(f"loader.{name}={value}", expected=expected, fix="correct it")


def crop_frames(
    seconds: float | None, beats: int | None, frame_rate: float | None, average_frames: int, crop_step: int = 1
) -> int | None:
    """Frames of a crop as the model sees them, or None for whole clips.

    Args:
        seconds: length of a crop of full-rate features.
        beats: length of a crop of beat-synchronous features.
        frame_rate: cached frames a second, or None where a frame is a beat.
        average_frames: cached frames in one of the model's.
        crop_step: frames of a self-contained piece; a crop of full-rate features is made of whole ones.

    Raises:
        ConfigurationError: a length without a meaning.
    """
    for name, value in (("crop_seconds", seconds), ("crop_beats", beats), ("average_frames", average_frames)):
        if value is not None and value <= 0:
            refuse(name, value, "a positive number")
    if frame_rate is None:
        return beats
    if crop_step > 1 and average_frames > 1:
        refuse("average_frames", average_frames, f"1, since every {crop_step} frames stand on their own")
    if seconds is None:
        return None
    return crop_step * max(1, math.floor(seconds * frame_rate / (average_frames * crop_step) + 0.5))
