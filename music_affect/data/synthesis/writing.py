"""Composes, renders and writes what a corpus lacks, in several processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import soundfile
from rich.progress import track

from music_affect.data.synthesis.affect import TARGETS
from music_affect.data.synthesis.catalogue import make_catalogue
from music_affect.data.synthesis.clip import ClipPlan, SyntheticClip
from music_affect.data.synthesis.instruments import SAMPLE_RATE
from music_affect.system.files import atomic_path, remove_abandoned, write_csv, write_text
from music_affect.system.parallel import in_order, processes_for

_COLUMNS = ("path", "id", "genre", "artist", "split", "fold", *TARGETS)
_README = """Synthetic music
===============

The {num_clips} clips in clips/ were composed and rendered by a program (music_affect.data.synthesis, version {version},
seed {seed}): no person plays or sings here, and no recording was used. Each lasts {seconds:g} seconds, {rate} Hz mono.

A genre is a set of ranges (tempo, swing, harmony, rhythms, instruments, sound); ranges of related genres overlap, each
artist has habits of its own, and about one clip in ten borrows from a related genre. Valence, energy and danceability
are formulas of tempo, mode, density, loudness, brightness and beat, plus noise.

labels.csv: one row a clip. Artists never straddle a split or a fold.
"""


def write_corpus(root: Path, parameters: Mapping[str, Any], workers: int | None, progress: bool) -> None:
    """Writes the clips that are not there yet, and last ``labels.csv``.

    Args:
        root: of the corpus, which no other process writes to.
        parameters: ``num_clips``, ``seconds``, ``seed``, and the ``version`` of the music.
        workers: processes; None for one a CPU.
        progress: show a progress bar.
    """
    write_text(root / "README.txt", _README.format(rate=SAMPLE_RATE, **parameters))
    entries = make_catalogue(parameters["num_clips"], parameters["seconds"], parameters["seed"])
    folder = root / "clips"
    folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder)
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
