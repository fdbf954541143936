"""Ready-made features on disk, as the lab's sets hold them."""

from __future__ import annotations

import gzip
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from music_affect.contracts.errors import ClipError, not_read

NUM_MELS, NUM_CHROMA = 128, 12
READER_VERSION = 1
LONGEST = 1 << 20  # columns of a clip: nearly seven hours of frames


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
                array = _array(stream)
        except ClipError:
            raise
        except Exception as error:  # a damaged file raises whatever zlib, tokenize or an absurd shape make of it
            raise not_read(error, f"not a NumPy array ({error})") from error
        with np.errstate(over="ignore"):  # what overflows is reported as not finite when it is stored
            return np.ascontiguousarray(array.T, dtype=np.float32)


def _array(stream: Any) -> np.ndarray:
    """The array, once its header says that it is one of a clip: a small file can unpack to any size.

    Args:
        stream: of bytes, unpacked.

    Raises:
        ClipError: it is none.
    """
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_column, dtype = header(stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    rows = ArrayReader.num_features
    if len(shape) != 2 or shape[0] != rows or dtype.kind not in "fiu" or dtype.itemsize > 8:
        raise ClipError("wrong shape", f"{dtype} {list(shape)}, expected numbers [{rows}, T]")
    if shape[1] > LONGEST:
        raise ClipError("too long", f"{shape[1]} columns, more than {LONGEST}")
    count = math.prod(shape)
    content = stream.read(count * dtype.itemsize)
    if len(content) < count * dtype.itemsize:
        raise ValueError(f"it ends after {len(content)} of {count * dtype.itemsize} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_column else "C")
