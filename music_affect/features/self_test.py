"""A process of its own that compiles, or tries, all that extraction runs: ``self_test compile|check FOLDER``."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np
import soundfile
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError
from music_affect.features.numba_cache import attach
from music_affect.system.compilation import NOT_WRITABLE

RATE, SECONDS = 44100, 6  # resampled on the way, and long enough for beats


def signal() -> NDArray[np.float32]:
    """A chord over clicks at 120 a minute, float32 [samples]."""
    seconds = np.arange(RATE * SECONDS) / RATE
    clicks = np.exp(-60 * (seconds % 0.5)) * np.random.default_rng(0).standard_normal(len(seconds))
    chord = sum(np.sin(2 * np.pi * frequency * seconds) for frequency in (220, 277.2, 329.6))
    audio: NDArray[np.float32] = (0.1 * chord + 0.3 * clicks).astype(np.float32)
    return audio


def extract() -> None:
    """Every kind of features of a file of the signal.

    Raises:
        ClipError: the file cannot be read.
    """
    from music_affect.features.extraction import Extraction
    from music_affect.features.extractor import AudioExtractor
    from music_affect.features.melgram import MelgramExtractor
    from music_affect.features.mfcc import MFCCExtractor

    extractors = (AudioExtractor(), AudioExtractor(beat=True), MFCCExtractor(), MelgramExtractor())
    with tempfile.TemporaryDirectory(prefix="music_affect-") as folder:
        path = Path(folder) / "signal.wav"
        soundfile.write(path, signal(), RATE)
        for answer in Extraction(extractors)(path):
            if isinstance(answer, ClipError):
                raise answer


def main() -> None:
    """Ends with a line and an exit code other than 0 where something is wrong."""
    Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    import numba  # type: ignore[import-untyped]  # noqa: F401  # first, so that what is attached here counts

    action, folder = sys.argv[1], Path(sys.argv[2])
    lacking: list[Callable[[], None]] = []
    attach(lambda: folder, saved=lacking.append if action == "check" else lambda save: save())
    try:
        extract()
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_WRITABLE)
    if lacking:
        sys.exit(f"{len(lacking)} compiled functions are not in {folder}")


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main()
