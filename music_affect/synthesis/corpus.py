"""Writes the synthetic corpus to disk as a plain folder of audio files with a ``labels.csv``."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import soundfile
from rich.progress import track

from music_affect.errors import CacheError, ConfigurationError
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
    with _locked(root / ".lock"):
        if not _is_complete(root, parameters):
            _write_text(root / "corpus.json", json.dumps(parameters, indent=2) + "\n")
            _write_text(root / "README.txt", _README.format(rate=SAMPLE_RATE, **parameters))
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


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however that ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_clips_and_labels(root: Path, entries: list[Entry], workers: int | None, progress: bool) -> None:
    folder = root / "clips"
    for leftover in folder.glob("*.tmp"):
        leftover.unlink()
    jobs = [(entry.plan, folder / f"{entry.plan.index:04d}.flac") for entry in entries]
    results = track(
        _affects(jobs, workers or len(os.sched_getaffinity(0))),
        description="Composing the synthetic corpus",
        total=len(jobs),
        disable=not progress,
    )
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for entry, (_, path), affect in zip(entries, jobs, results, strict=True):
        place = (entry.plan.genre, entry.artist, entry.split, entry.fold)
        rows.writerow([path.relative_to(root), path.stem, *place, *(f"{affect[name]:.4f}" for name in TARGETS)])
    _write_text(root / "labels.csv", table.getvalue())


def _affects(jobs: list[tuple[ClipPlan, Path]], workers: int) -> Iterator[dict[str, float]]:
    """Make the clips; yields their labels in order."""
    if workers == 1:
        yield from map(_make_clip, jobs)
        return
    # Spawned, not forked: the caller may have threads (torch), which a fork breaks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        try:
            yield from pool.map(_make_clip, jobs, chunksize=4)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """Without this, the workers of a killed process would wait for work for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _make_clip(job: tuple[ClipPlan, Path]) -> dict[str, float]:
    """Render a clip unless its file exists; either way return its labels."""
    plan, path = job
    clip = SyntheticClip(plan)
    if not path.exists():
        audio = clip.audio()
        _write(path, lambda temporary: soundfile.write(temporary, audio, SAMPLE_RATE, "PCM_16", format="FLAC"))
    return clip.affect


def _write_text(path: Path, text: str) -> None:
    _write(path, lambda temporary: temporary.write_text(text))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    write(temporary)
    os.replace(temporary, path)
