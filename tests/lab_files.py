"""Writes small data sets of exactly the lab's form on disk, names that do not match included."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from music_affect.data.lab import LabSource

KEPT = (
    "Blues", "Chiptune", "Classical", "Electronic", "Folk", "Hip-Hop", "Jazz", "Metal", "Pop", "Post-Rock",
    "Psych-Folk", "Psych-Rock", "Punk", "Rock", "Trip-Hop",
)  # fmt: skip
DROPPED = ("Indie-Rock", "International", "Old-Time", "Post-Punk", "Soundtrack")
GENRES = KEPT + DROPPED
EXCERPT_GENRES = ("classical", "pop", "rock", "blues")
FULL, BEAT = (86, 90), (7, 15)  # frames a clip; 1291 to 1293 and about 60 in the real sets


def lab_source(name: str, root: Path | None) -> LabSource:
    """The data set of ``conf/data/<name>.yaml``."""
    from music_affect.configuration import build, compatibility

    node = compatibility.choice("data", name).source
    node.root, node.name = None if root is None else str(root), name
    source: LabSource = build.make(node)
    return source


def write_lab(root: Path) -> Path:
    """All four sets; returns ``root``."""
    write_genre_set(root / "fma_genre_spectrograms")
    write_genre_set(root / "fma_genre_spectrograms_beat", beat=True)
    write_affect_set(root / "multitask_dataset")
    write_affect_set(root / "multitask_dataset_beat", beat=True)
    return root


def write_genre_set(
    folder: Path, beat: bool = False, genres: Iterable[str] = GENRES, train: int = 3, test: int = 1
) -> Path:
    """``train`` and ``test`` clips of each raw genre; the sound of a clip tells its genre."""
    genres = list(genres)
    for split, count, first in (("train", train, 1000), ("test", test, 7000)):
        rows = [(first + 7 * place, genre) for place, genre in enumerate(genres * count)]
        for number, genre in rows:
            write_clip(folder / split, number, spectrogram(number, beat, hue=GENRES.index(genre) / len(GENRES)))
        lines = [f"{_written_name(number, split, beat)}\t{genre}" for number, genre in rows]
        (folder / f"{split}_labels.txt").write_text("\n".join(["Id\tGenre", *lines]) + "\n")
    return folder


def write_affect_set(folder: Path, beat: bool = False, train: int = 24, test: int = 8) -> Path:
    """Clips with valence, energy and danceability; those of the test part have no labels anywhere."""
    lines = ["Id,valence,energy,danceability"]
    for split, count, first in (("train", train, 2000), ("test", test, 4000)):
        for number in range(first, first + 3 * count, 3):
            values = np.random.default_rng(number).random(3)
            write_clip(folder / split, number, spectrogram(number, beat, hue=float(values[1])))
            if split == "train":
                lines.append(f"{number}," + ",".join(f"{value:.6f}" for value in values))
    (folder / "train_labels.txt").write_text("\n".join(lines) + "\n")
    return folder


def spectrogram(number: int, beat: bool = False, hue: float = 0.5) -> NDArray[np.float64]:
    """Mel dB in [-80, 0] above chroma in [0, 1], float64 [140, T]; ``hue`` moves the loudest bands."""
    random = np.random.default_rng(number)
    frames = int(random.integers(*(BEAT if beat else FULL), endpoint=True))
    shape = -50 * np.abs(np.linspace(0, 1, 128) - hue)[:, None]
    mel = np.clip(shape + random.normal(-20, 6, (128, frames)), -80, None)
    return np.vstack([mel - mel.max(), random.random((12, frames))])


def write_clip(folder: Path, number: int, array: NDArray[np.generic]) -> Path:
    """Even numbers as ``.npy``, odd ones as the older ``.npy.gz``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}.fused.full.npy{'.gz' * (number % 2)}"
    with gzip.open(path, "wb", compresslevel=1) if number % 2 else path.open("wb") as stream:
        np.save(stream, array)
    return path


def write_excerpts(root: Path, train: int = 24, val: int = 8, test: int = 12) -> Path:
    """One-second excerpts as ``mfccs`` and ``melgrams``; the sound of an excerpt tells its genre. Returns ``root``."""
    random = np.random.default_rng(8)
    for split, count in {"train": train, "val": val, "test": test}.items():
        places = np.arange(count) % len(EXCERPT_GENRES)
        hues = (places / len(EXCERPT_GENRES))[:, None]
        mel = -50 * np.abs(np.linspace(0, 1, 128) - hues)[:, None] + random.normal(-20, 6, (count, 21, 128))
        shapes = {"mfccs": 40 * np.cos(np.linspace(0, 3, 26) * (1 + hues)) + random.normal(0, 6, (count, 26))}
        shapes["melgrams"] = np.clip(mel - mel.max(axis=(1, 2), keepdims=True), -80, 0)
        for folder, excerpts in shapes.items():
            (root / folder / split).mkdir(parents=True, exist_ok=True)
            np.save(root / folder / split / "X.npy", excerpts)
            np.save(root / folder / split / "labels.npy", np.array(EXCERPT_GENRES)[places])
    return root


def _written_name(number: int, split: str, beat: bool) -> str:
    """The name that the label file gives a clip: always packed, and never that of the file in the beat set."""
    if not beat:
        return f"{number}.fused.full.npy.gz"
    return f"{number}.{'full.fused' if split == 'test' and number % 3 == 0 else 'beatsync.fused'}.npy.gz"
