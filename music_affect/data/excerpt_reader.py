"""Ready-made features of one-second excerpts, many in one array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError, ConfigurationError, not_read

READER_VERSION = 1


@dataclass(frozen=True)
class ExcerptForm:
    """How excerpts are described.

    Args:
        folder: name of the folder that holds them.
        shape: of one excerpt in the array.
        block: what its columns hold.
    """

    folder: str
    shape: tuple[int, ...]
    block: str


FORMS = {"mfcc": ExcerptForm("mfccs", (26,), "mfcc"), "melgram": ExcerptForm("melgrams", (21, 128), "mel")}


def form_of(features: str | None) -> ExcerptForm:
    """The form that goes by the name of these features.

    Raises:
        ConfigurationError: excerpts do not come as such features.
    """
    if features not in FORMS:
        raise ConfigurationError(
            f"features={features} of ready-made one-second excerpts",
            expected=f"{' or '.join(FORMS)}, as they were made",
            fix=f"choose {' or '.join(f'features={name}' for name in FORMS)}",
        )
    return FORMS[features]


def open_excerpts(path: Path, form: ExcerptForm) -> NDArray[Any]:
    """Memory-mapped excerpts, [N, *form.shape].

    Raises:
        ClipError: the file does not hold such an array.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged file raises whatever tokenize or an absurd shape make of it
        raise not_read(error, f"not an array of numbers ({error})") from error
    if not isinstance(array, np.ndarray) or array.shape[1:] != form.shape or array.dtype.kind not in "fiu":
        found = f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else "an archive"
        raise ClipError("wrong shape", f"{found}, expected numbers {described(form)}")
    return array


def described(form: ExcerptForm) -> str:
    """The shape of an array of excerpts, e.g. ``[N, 21, 128]``."""
    return f"[{', '.join(['N', *map(str, form.shape)])}]"


class ExcerptReader:
    """Reads one excerpt [21, 128] or [26] as features [21, 128] or [1, 26].

    Args:
        features: ``mfcc`` or ``melgram``.

    Raises:
        ConfigurationError: excerpts do not come as such features.
    """

    def __init__(self, features: str | None) -> None:
        self._features, self._form = features, form_of(features)

    @property
    def num_features(self) -> int:
        return self._form.shape[-1]

    @property
    def blocks(self) -> Mapping[str, tuple[int, int]]:
        return {self._form.block: (0, self.num_features)}

    @property
    def excerpt_frames(self) -> int:
        return self._form.shape[0] if len(self._form.shape) > 1 else 1

    def settings(self) -> dict[str, Any]:
        return {"reader": "excerpts", "reader_version": READER_VERSION, "features": self._features, "beat": False}

    def __call__(self, path: Path, row: int = 0) -> NDArray[np.float32]:
        excerpts = open_excerpts(path, self._form)
        if row >= len(excerpts):
            raise ClipError("unreadable", f"row {row} of {len(excerpts)}")
        with np.errstate(over="ignore"):  # what overflows is reported as not finite when it is stored
            excerpt: NDArray[np.float32] = excerpts[row].astype(np.float32)
        return excerpt.reshape(self.excerpt_frames, self.num_features)
