"""What turns files into features, as the cache sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError
from music_affect.data.source import Clip


class Description(Protocol):
    """One kind of features: what they hold and what they were made with."""

    @property
    def num_features(self) -> int: ...

    @property
    def blocks(self) -> Mapping[str, tuple[int, int]]:
        """Column ranges by what they hold."""

    def settings(self) -> dict[str, Any]:
        """Everything that changes the numbers, as plain values."""


class Reader(Description, Protocol):
    """Turns the file of a clip into features of one kind; stands for an extractor of audio or a reader of arrays."""

    @property
    def excerpt_frames(self) -> int:
        """Rows of a self-contained piece, in whose middle no crop begins; 1 where it may begin anywhere."""

    def __call__(self, path: Path) -> NDArray[np.float32]:
        """Features [T, F].

        Raises:
            ClipError: the file cannot be used.
        """


class RowReader(Reader, Protocol):
    """A reader of files that hold many clips."""

    def __call__(self, path: Path, row: int = 0) -> NDArray[np.float32]:
        """Features [T, F] of the clip in one row of the file.

        Raises:
            ClipError: the row cannot be used.
        """


class Extracted(Protocol):
    """Features of one clip."""

    @property
    def values(self) -> NDArray[np.float32]:
        """The features, [T, F]."""

    @property
    def seconds(self) -> float:
        """Of audio that they describe; 0 where it is not known."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is worth counting though the clip can be used, e.g. ``no beats``."""


Answer = Extracted | ClipError


class Extract(Protocol):
    """Features of several kinds in one pass over a clip's file. Crosses to worker processes."""

    def __call__(self, clip: Clip, wanted: Sequence[int]) -> list[Answer]:
        """One answer a wanted kind, in order; what is wrong with a clip is an answer, not an exception."""


class _Read(NamedTuple):
    values: NDArray[np.float32]
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadArrays:
    """The pass over ready-made features, which come in one kind."""

    reader: Reader

    def __call__(self, clip: Clip, wanted: Sequence[int]) -> list[Answer]:
        try:
            in_rows = cast(RowReader, self.reader)
            values = self.reader(clip.path) if clip.row is None else in_rows(clip.path, clip.row)
        except ClipError as error:
            return [error for _ in wanted]
        return [_Read(values) for _ in wanted]


class PathExtraction(Protocol):
    """Features of several kinds of one audio file."""

    def prepare(self) -> None:
        """Makes sure, once and before worker processes start, that what it needs is there."""

    def __call__(self, path: Path, wanted: Sequence[int] | None = None) -> Sequence[Answer]: ...


@dataclass(frozen=True)
class ExtractAudio:
    """The pass over audio files."""

    extraction: PathExtraction

    def __call__(self, clip: Clip, wanted: Sequence[int]) -> list[Answer]:
        return list(self.extraction(clip.path, wanted))
