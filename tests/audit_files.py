"""Small folders of audio that tests audit: pieces of random notes, each unlike the others."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
from running import compose

from music_affect.data.audit.findings import Finding
from music_affect.doctor import diagnose

RATE = 16000


def notes(seed: int, seconds: float = 8.0, rate: int = RATE) -> np.ndarray:
    """Four notes every third of a second, float32 [samples]."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    audio = np.zeros(len(time))
    for start in np.arange(0, seconds, 1 / 3):
        since = time[(begin := int(start * rate)) :] - start
        for frequency in np.exp(rng.uniform(np.log(150), np.log(2500), 4)):
            audio[begin:] += rng.uniform(0.2, 1) * np.sin(2 * np.pi * frequency * since) * np.exp(-4 * since)
    return (0.5 * audio / np.abs(audio).max()).astype(np.float32)


def write_clips(folder: Path, count: int, seconds: float = 1.5) -> list[dict[str, str]]:
    """Writes ``count`` different clips and returns the rows of their table, without labels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        soundfile.write(folder / f"{number:03}.wav", notes(number, seconds, 8000), 8000)
    return [{"path": f"{number:03}.wav"} for number in range(count)]


def labelled(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Rows with labels that nothing is wrong with: two classes, an energy, an artist for every two clips."""
    return [
        {**row, "genre": "jazz" if n % 4 < 2 else "rock", "energy": f"{n / 30:.2f}", "artist": f"artist {n // 2}"}
        for n, row in enumerate(rows)
    ]


def write_table(folder: Path, rows: Sequence[Mapping[str, str]]) -> None:
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows(rows)


def diagnosis(folder: Path, *words: str) -> dict[str, Finding]:
    """Findings about a folder by their names, audited in this process."""
    out = folder.parent / f"{folder.name}-audit"
    root = f"data.root={folder}"
    cfg = compose("doctor", "data=folder", root, "workers=1", f"paths.cache={folder.parent / 'cache'}", *words)
    cfg.out = str(out)
    return {finding.name: finding for finding in diagnose(cfg)}
