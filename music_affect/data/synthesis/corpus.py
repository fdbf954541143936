"""The synthetic corpus on disk: a plain folder of audio files with a ``labels.csv``, made once."""

from __future__ import annotations

import json
from pathlib import Path

from filelock import FileLock

from music_affect.contracts.errors import CacheError, ConfigurationError
from music_affect.data.synthesis.styles import GENRES
from music_affect.system.files import write_json

VERSION = 1  # of the music: raise it when the same arguments would sound different
_SHORTEST = 1.0


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
        CacheError: the folder holds something else, or cannot be written.
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
    try:
        (root / "clips").mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".lock"):
            if not _is_complete(root, parameters):
                from music_affect.data.synthesis.writing import (
                    write_corpus,  # with scipy, which a finished one needs not
                )

                write_json(root / "corpus.json", parameters)
                write_corpus(root, parameters, workers, progress)
    except OSError as error:
        raise CacheError(
            f"the synthetic corpus in {root} cannot be written ({error.strerror or error})",
            expected="a writable folder with room for it",
            fix="free some space, or set the environment variable MUSIC_AFFECT_CACHE to another folder",
        ) from error
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
