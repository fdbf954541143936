"""Ready-made features on disk, as the lab's sets hold them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from music_affect.errors import ClipError, not_read

NUM_MELS, NUM_CHROMA = 128, 12
READER_VERSION = 1


class ArrayReader:
    """Reads a ready-made array [140, T] as features [T, 140].

    Args:
        beat: a column is a beat, not a frame.

    Raises:
        ClipError: the file is unreadable or does not hold such an array.
    """

    num_features = NUM_MELS + NUM_CHROMA
    blocks: Mapping[str, tuple[int, int]] = {"mel": (0, NUM_MELS), "chroma": (NUM_MELS, NUM_MELS + NUM_CHROMA)}
    excerpt_frames = 1

    def __init__(self, beat: bool) -> None:
        self._beat = beat

    def settings(self) -> dict[str, Any]:
        return {"reader": "arrays", "reader_version": READER_VERSION, "beat": self._beat}

    def __call__(self, path: Path) -> np.ndarray:
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
                array = np.lib.format.read_array(stream, allow_pickle=False)
        except Exception as error:  # a damaged file raises whatever zlib, tokenize or an absurd shape make of it
            raise not_read(error, f"not a NumPy array ({error})") from error
        if array.ndim != 2 or array.shape[0] != self.num_features or array.dtype.kind not in "fiu":
            raise ClipError(
                "wrong shape", f"{array.dtype} {list(array.shape)}, expected numbers [{self.num_features}, T]"
            )
        with np.errstate(over="ignore"):  # what overflows is reported as not finite when it is stored
            return np.ascontiguousarray(array.T, dtype=np.float32)
