"""One clip's file to facts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError
from music_affect.data.audit.facts import Facts, encoded
from music_affect.data.audit.fingerprint import fingerprint
from music_affect.data.reader import Reader, RowReader
from music_affect.data.source import Clip
from music_affect.features.audio.decode import decode
from music_affect.features.audio.quiet import quiet_decoder
from music_affect.features.audio.recording import Recording
from music_affect.features.audio.selection import Selection
from music_affect.features.audio.silence import levels

VERSION = 3  # raise it whenever the facts of the same file change
MEASURED = Selection("middle", seconds=600.0)  # of longer files; bounds memory

_FULL_SCALE = 0.999
_RUN = 3  # samples on end at full scale: fewer are peaks
_SILENT = 1e-3  # of the loudest moment: -60 dB


@dataclass(frozen=True)
class AudioMeasurement:
    """Measures audio files.

    Args:
        min_seconds: shorter files are too short.
    """

    min_seconds: float

    def settings(self) -> dict[str, Any]:
        """Everything that changes the facts: what is readable depends on the decoders that are installed."""
        decoders = {"libsndfile": soundfile.__libsndfile_version__, "PyAV": version("av")}
        return {"version": VERSION, "min_seconds": self.min_seconds, **decoders}

    def __call__(self, clip: Clip) -> Facts:
        """Facts of a clip; a file that cannot be used has a problem among them."""
        known = _header(clip.path)
        try:
            recording = decode(clip.path, MEASURED, self.min_seconds)[0]
        except ClipError as error:
            return replace(known, problem=error.reason, detail=error.detail)
        return replace(
            known,
            seconds=round(recording.seconds, 3) if known.seconds is None else known.seconds,
            rate=recording.rate,
            peak=round(float(np.abs(recording.samples).max()), 4),
            clipped=round(clipped_share(recording.samples), 6),
            silent=round(silent_share(recording), 4),
            digest=_digest(recording.samples, recording.rate),
            print=encoded(fingerprint(recording)),
        )


@dataclass(frozen=True)
class ArrayMeasurement:
    """Reads ready-made features: whether they are readable and finite, and a digest to find copies by.

    Args:
        reader: of the data set.
    """

    reader: Reader

    def settings(self) -> dict[str, Any]:
        """Everything that changes the facts."""
        return {"version": VERSION, **self.reader.settings()}

    def __call__(self, clip: Clip) -> Facts:
        """Facts of a clip; one that cannot be used has a problem among them."""
        try:
            features = self.reader(clip.path) if clip.row is None else cast(RowReader, self.reader)(clip.path, clip.row)
        except ClipError as error:
            return Facts(error.reason, error.detail)
        if not np.isfinite(features).all():
            return Facts("not finite", "NaN or infinite values")
        return Facts(digest=_digest(features, len(features)))


def clipped_share(samples: NDArray[np.float32]) -> float:
    """Share of samples [samples] at full scale in runs of three and more."""
    full = np.abs(samples) >= _FULL_SCALE
    if full.sum() < _RUN:
        return 0.0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], full, [False]]).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return float(lengths[lengths >= _RUN].sum() / len(samples))


def silent_share(recording: Recording) -> float:
    """Share of moments whose level is 60 dB and more below that of the loudest one."""
    found = levels(recording.samples, recording.rate)
    return float((found < _SILENT * found.max()).mean())


def _header(path: Path) -> Facts:
    try:
        with quiet_decoder():
            header = soundfile.info(str(path))
    except (RuntimeError, TypeError, OSError, UnicodeError):
        return Facts()
    return Facts(seconds=round(header.duration, 3), rate=header.samplerate, channels=header.channels)


def _digest(values: NDArray[np.float32], context: int) -> str:
    digest = hashlib.blake2b(str(context).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
