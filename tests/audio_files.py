"""Short real audio files for the tests of what works on folders of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 22050


def music(number: int, seconds: float = 3.0) -> NDArray[np.float32]:
    """A chord over clicks at a tempo of its own, float32 [samples]; the same number is the same music."""
    rng = np.random.default_rng(number)
    time = np.arange(round(seconds * RATE)) / RATE
    click = np.exp(-60 * (time % (60 / rng.uniform(80, 150)))) * rng.standard_normal(len(time))
    chord = sum(np.sin(2 * np.pi * frequency * time) for frequency in rng.uniform(150, 900, 3))
    audio: NDArray[np.float32] = (0.1 * chord + 0.3 * click).astype(np.float32)
    return audio


def write_music(folder: Path, count: int, seconds: float = 3.0, suffix: str = ".wav") -> list[Path]:
    """Files ``000.wav``, ``001.wav``, … of different music."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:03d}{suffix}" for number in range(count)]
    for number, path in enumerate(paths):
        soundfile.write(path, music(number, seconds), RATE)
    return paths
