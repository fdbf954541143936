"""Several kinds of features from one decoding of a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from music_affect.contracts.errors import ClipError
from music_affect.features.analysis import Window
from music_affect.features.audio.decode import decode
from music_affect.features.audio.recording import Recording
from music_affect.features.audio.selection import Selection
from music_affect.features.spectrogram import Floats


class Features(NamedTuple):
    """Features of a clip.

    Args:
        values: float32 [T, F].
        seconds: of audio that they describe.
        remarks: what happened on the way that a person may want counted, e.g. ``no beats``.
    """

    values: Floats
    seconds: float
    remarks: tuple[str, ...] = ()


class Extractor(Protocol):
    """What an extraction needs of each of its extractors."""

    @property
    def sample_rate(self) -> int:
        """Samples a second of the signals that it describes."""
        ...

    @property
    def min_seconds(self) -> float:
        """Shorter clips are refused."""
        ...

    @property
    def num_features(self) -> int:
        """F, the number of columns."""
        ...

    @property
    def blocks(self) -> Mapping[str, tuple[int, int]]:
        """Column ranges [start, stop) by what they hold."""
        ...

    @property
    def excerpt_frames(self) -> int:
        """Rows that belong together: a crop begins at a multiple of them."""
        ...

    @property
    def frame_rate(self) -> float | None:
        """Rows a second, or None where a row is a beat."""
        ...

    def settings(self) -> dict[str, Any]:
        """All that changes the numbers, in plain values."""
        ...

    def extract(self, audio: Floats) -> Floats:
        """Features [T, F] of one signal, mono at ``sample_rate``."""
        ...

    def features(self, window: Window) -> Features:
        """Features of one excerpt, from what the window computes once for all extractors."""
        ...

    def prepare(self) -> None:
        """Makes sure, once and before worker processes start, that what it needs is there."""
        ...


class FileExtractor(ABC):
    """An extractor that can also be called by itself, for a file or a signal."""

    sample_rate: int

    @abstractmethod
    def features(self, window: Window) -> Features:
        """Features of one excerpt, from what the window computes once for all extractors."""

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Makes sure, once and before worker processes start, that what it needs is there."""

    def extract(self, audio: Floats) -> Floats:
        """Features of one signal.

        Args:
            audio: mono at ``sample_rate``, float32 [samples].

        Returns:
            float32 [T, num_features].
        """
        return self.features(Window(Recording(audio, self.sample_rate))).values

    def __call__(self, path: Path) -> Floats:
        """Features of one audio file.

        Returns:
            float32 [T, num_features].

        Raises:
            ClipError: the file cannot be used.
        """
        (answer,) = Extraction((self,))(path)  # type: ignore[arg-type]  # subclasses have what the protocol asks for
        if isinstance(answer, ClipError):
            raise answer
        return answer.values


@dataclass(frozen=True)
class Extraction:
    """Several extractors over one decoding of the file.

    Args:
        extractors: those with the same settings of frames share their spectra and beats.
        selection: the part of the file to use. Each of its windows is a clip of its own, with a maximum of its own for
            the decibels; their rows are joined.
    """

    extractors: tuple[Extractor, ...]
    selection: Selection = Selection()  # noqa: RUF009 - immutable

    def prepare(self) -> None:
        """Makes sure, once and before worker processes start, that what its extractors need is there."""
        for extractor in self.extractors:
            extractor.prepare()

    def __call__(self, path: Path, wanted: Sequence[int] | None = None) -> list[Features | ClipError]:
        """Features of one audio file.

        Args:
            path: of the file.
            wanted: indices of extractors; None for all.

        Returns:
            An answer for each of the wanted extractors: its features, or why the file cannot be used for it.
        """
        chosen = [self.extractors[index] for index in (range(len(self.extractors)) if wanted is None else wanted)]
        try:
            recordings = decode(path, self.selection, min((one.min_seconds for one in chosen), default=0.0))
        except ClipError as error:
            return [error for _ in chosen]
        parts: list[list[Features]] = [[] for _ in chosen]
        failed: dict[int, ClipError] = {}
        for recording in recordings:  # one after the other: the spectra of a window are large
            window = Window(recording)
            for index, extractor in enumerate(chosen):
                if index not in failed and recording.seconds >= extractor.min_seconds:
                    try:
                        parts[index].append(_finite_features(extractor, window))
                    except ClipError as error:
                        failed[index] = error
        longest = max(recording.seconds for recording in recordings)
        return [
            failed[index] if index in failed else _joined(parts[index], longest, extractor.min_seconds)
            for index, extractor in enumerate(chosen)
        ]


def _finite_features(extractor: Extractor, window: Window) -> Features:
    with np.errstate(over="ignore", invalid="ignore"):  # reported as a ClipError below
        features = extractor.features(window)
    require_finite(features.values)
    return features


def require_finite(values: Floats) -> None:
    """Raises ``ClipError`` where a value is NaN or infinite."""
    if not np.isfinite(values).all():
        raise ClipError("not finite", "the features overflow: the samples are too large for decibels")


def _joined(parts: Sequence[Features], longest: float, min_seconds: float) -> Features | ClipError:
    """Features of all windows that were long enough, one after the other."""
    if not parts:
        return ClipError("too short", f"{longest:.2f} s, at least {min_seconds:g} s needed")
    values = np.concatenate([part.values for part in parts])
    remarks = dict.fromkeys(remark for part in parts for remark in part.remarks)
    return Features(values, sum(part.seconds for part in parts), tuple(remarks))
