"""The tables of ``fma_metadata.zip``, read in one pass with only the columns that are used."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from sys import intern
from typing import NamedTuple, TypeVar

from music_affect.data.fma.genres import Genre
from music_affect.data.fma.rows import malformed, rows, whole_number

SUBSETS = ("small", "medium", "large", "full")  # each contains those before it
SPLITS = {"training": "train", "validation": "val", "test": "test", "": None}
AFFECT = ("valence", "energy", "danceability")

_TRACK = (("set", "subset"), ("set", "split"), ("track", "genre_top"), ("track", "genres_all"))
_GROUPS = (("artist", "id"), ("album", "id"))
_ECHONEST = tuple(("echonest", "audio_features", name) for name in AFFECT)

Parsed = TypeVar("Parsed")


class Track(NamedTuple):
    """A row of ``tracks.csv``.

    Args:
        number: of the track, as in its file's name.
        subset: the smallest subset that it belongs to.
        split: ``train``, ``val``, ``test`` or None.
        top: title of its top-level genre, or empty.
        genres: numbers of all its genres.
        artist: number of its artist, or empty.
        album: number of its album, or empty.
    """

    number: int
    subset: str
    split: str | None
    top: str
    genres: tuple[int, ...]
    artist: str
    album: str


def read_tracks(path: Path) -> tuple[Track, ...]:
    """All tracks, in the order of ``tracks.csv``; read once a process as long as the file stays the same.

    Raises:
        LabelError: the table is malformed; with the line.
    """
    return _once(_tracks, path)


def read_genres(path: Path) -> dict[int, Genre]:
    """The genres of ``genres.csv`` by their number.

    Raises:
        LabelError: the table is malformed; with the line.
    """
    return {
        number: Genre(title.strip(), whole_number(parent, path, line) if parent else 0)
        for line, number, (title, parent) in rows(path, (("title",), ("parent",)))
    }


def read_echonest(path: Path) -> dict[int, tuple[float, ...]]:
    """Valence, energy and danceability by track as ``echonest.csv`` has them; NaN for an empty cell.

    Raises:
        LabelError: the table is malformed; with the line.
    """
    return dict(_once(_echonest, path))


def _tracks(path: Path) -> tuple[Track, ...]:
    return tuple(_track(path, line, number, cells) for line, number, cells in rows(path, (*_TRACK, *_GROUPS)))


def _track(path: Path, line: int, number: int, cells: tuple[str, ...]) -> Track:
    subset, split, top, genres, artist, album = cells
    if subset not in SUBSETS:
        raise malformed(path, line, f"has the subset '{subset}'", f"one of {', '.join(SUBSETS)}")
    if split not in SPLITS:
        raise malformed(path, line, f"has the split '{split}'", "training, validation or test")
    numbers = _genre_numbers(genres)
    if numbers is None:
        raise malformed(path, line, f"has the genres '{genres[:60]}'", "numbers in brackets, as [21, 12]")
    known = ["" if cell == "-1" else intern(cell) for cell in (artist, album)]  # -1 stands for none
    return Track(number, intern(subset), SPLITS[split], intern(top.strip()), numbers, *known)


def _echonest(path: Path) -> tuple[tuple[int, tuple[float, ...]], ...]:
    found = []
    for line, number, cells in rows(path, _ECHONEST):
        try:
            found.append((number, tuple(float(cell) if cell else math.nan for cell in cells)))
        except ValueError:
            wrong = f"has {', '.join(map('='.join, zip(AFFECT, cells, strict=True)))}"
            raise malformed(path, line, wrong, "numbers or empty cells") from None
    return tuple(found)


@lru_cache(maxsize=2**13)
def _genre_numbers(text: str) -> tuple[int, ...] | None:
    """Numbers of a list as text; None where it is none."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return None
    whole = isinstance(found, list) and all(type(number) is int for number in found)
    return tuple(found) if whole else None


def _once(parse: Callable[[Path], tuple[Parsed, ...]], path: Path) -> tuple[Parsed, ...]:
    state = path.stat()
    found: tuple[Parsed, ...] = _parsed(parse, path, state.st_size, state.st_mtime_ns)
    return found


@lru_cache(maxsize=4)
def _parsed(parse: Callable[[Path], tuple[Parsed, ...]], path: Path, _size: int, _changed: int) -> tuple[Parsed, ...]:
    return parse(path)
