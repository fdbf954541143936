"""Writes the synthetic corpus to disk as a plain folder of audio files with a ``labels.csv``."""

from __future__ import annotations

import json
from pathlib import Path

import soundfile
from filelock import FileLock
from rich.progress import track

from music_affect.errors import CacheError, ConfigurationError
from music_affect.files import atomic_path, write_csv, write_json, write_text
from music_affect.parallel import in_order, processes_for
from music_affect.synthesis.affect import TARGETS
from music_affect.synthesis.catalogue import Entry, make_catalogue
from music_affect.synthesis.clip import ClipPlan, SyntheticClip
from music_affect.synthesis.instruments import SAMPLE_RATE
from music_affect.synthesis.styles import GENRES

VERSION = 1  # of the music: raise it when the same arguments would sound different
_COLUMNS = ("path", "id", "genre", "artist", "split", "fold", *TARGETS)
_SHORTEST = 1.0
_README = """Synthetic music
===============

The {num_clips} clips in clips/ were composed and rendered by a program (music_affect.synthesis, version {version},
seed {seed}): no person plays or sings here, and no recording was used. Each lasts {seconds:g} seconds, {rate} Hz mono.

A genre is a set of ranges (tempo, swing, harmony, rhythms, instruments, sound); ranges of related genres overlap, each
artist has habits of its own, and about one clip in ten borrows from a related genre. Valence, energy and danceability
are formulas of tempo, mode, density, loudness, brightness and beat, plus noise.

labels.csv: one row a clip. Artists never straddle a split or a fold.
"""


def make_corpus(
    root: Path,
    *,
    num_clips: int = 600,
    seconds: float = 10.0,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Write the corpus, or what is missing of it; a complete one is left as it is.

    The files depend on ``num_clips``, ``seconds`` and ``seed`` alone. Every file appears under its name only when it
    is complete, ``labels.csv`` last, so a killed call goes on where it stopped; a second process waits for the first.

    Args:
        root: folder to write to; created if need be.
        num_clips: clips in all ten genres together.
        seconds: length of a clip.
        seed: another seed makes other artists and other songs.
        workers: processes; None for one a CPU.
        progress: show a progress bar.

    Returns:
        ``root``.

    Raises:
        ConfigurationError: too few clips, or too short ones.
        CacheError: the folder holds something else.
    """
    if num_clips < len(GENRES) or seconds < _SHORTEST:
        raise ConfigurationError(
            f"num_clips={num_clips}, seconds={seconds:g}",
            expected=f"at least {len(GENRES)} clips (one a genre) of {_SHORTEST:g} second",
            fix="raise them",
        )
    parameters = {"version": VERSION, "num_clips": num_clips, "seconds": float(seconds), "seed": seed}
    if _is_complete(root, parameters):
        return root
    (root / "clips").mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".lock"):
        if not _is_complete(root, parameters):
            write_json(root / "corpus.json", parameters)
            write_text(root / "README.txt", _README.format(rate=SAMPLE_RATE, **parameters))
            _write_clips_and_labels(root, make_catalogue(num_clips, seconds, seed), workers, progress)
    return root


def _is_complete(root: Path, parameters: dict[str, float]) -> bool:
    """Whether the corpus stands already.

    Raises:
        CacheError: something else stands there.
    """
    description, labels = root / "corpus.json", root / "labels.csv"
    if not description.exists() and not labels.exists():
        return False
    try:
        found = json.loads(description.read_text())
    except (OSError, ValueError):
        found = "no readable corpus.json"
    if found != parameters:
        raise CacheError(
            f"{root} holds another corpus ({found})",
            expected=f"an empty folder or the corpus {parameters}",
            fix="choose another folder, or delete this one if nobody needs it",
        )
    return labels.exists()


def _write_clips_and_labels(root: Path, entries: list[Entry], workers: int | None, progress: bool) -> None:
    folder = root / "clips"
    for leftover in folder.glob(".*"):  # of a killed process, half written under a temporary name
        leftover.unlink()
    jobs = [(entry.plan, folder / f"{entry.plan.index:04d}.flac") for entry in entries]
    results = track(
        in_order(_make_clip, jobs, processes_for(len(jobs), workers)),
        description="Composing the synthetic corpus",
        total=len(jobs),
        disable=not progress,
    )
    rows = []
    for entry, (_, path), affect in zip(entries, jobs, results, strict=True):
        place = (entry.plan.genre, entry.artist, entry.split, entry.fold)
        rows.append([path.relative_to(root), path.stem, *place, *(f"{affect[name]:.4f}" for name in TARGETS)])
    write_csv(root / "labels.csv", _COLUMNS, rows)


def _make_clip(job: tuple[ClipPlan, Path]) -> dict[str, float]:
    """Render a clip unless its file exists; either way return its labels."""
    plan, path = job
    clip = SyntheticClip(plan)
    if not path.exists():
        with atomic_path(path) as temporary:
            soundfile.write(temporary, clip.audio(), SAMPLE_RATE, "PCM_16", format="FLAC")
    return clip.affect
