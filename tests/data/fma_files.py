"""Writes the Free Music Archive in miniature: its folders, its tables with all their header rows, real mp3 files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from music_affect.data.fma.audio import FMAAudioSource

RATE = 22_050
ALBUM = "comments date_created date_released engineer favorites id information listens producer tags title tracks type"
ARTIST = (
    "active_year_begin active_year_end associated_labels bio comments date_created favorites id latitude location "
    "longitude members name related_projects tags website wikipedia_page"
)
TRACK = (
    "bit_rate comments composer date_created date_recorded duration favorites genre_top genres genres_all information "
    "interest language_code license listens lyricist number publisher tags title"
)
TRACK_COLUMNS = [
    *(("album", name) for name in ALBUM.split()),
    *(("artist", name) for name in ARTIST.split()),
    *(("set", name) for name in ("split", "subset")),
    *(("track", name) for name in TRACK.split()),
]
FEATURES = "acousticness danceability energy instrumentalness liveness speechiness tempo valence"
ECHONEST_COLUMNS = [
    *(("echonest", "audio_features", name) for name in FEATURES.split()),
    *(("echonest", "metadata", name) for name in ("album_date", "artist_name")),
    *(("echonest", "temporal_features", f"{place:03d}") for place in range(3)),
]
GENRES = {  # number: title, parent, top level
    2: ("International", 0, 2), 3: ("Blues", 0, 3), 4: ("Jazz", 0, 4), 8: ("Old-Time / Historic", 0, 8),
    12: ("Rock", 0, 12), 15: ("Electronic", 0, 15), 17: ("Folk", 0, 17), 18: ("Soundtrack", 1235, 1235),
    21: ("Hip-Hop", 0, 21), 5: ("Classical", 0, 5), 10: ("Pop", 0, 10), 25: ("Punk", 12, 12),
    26: ("Post-Rock", 12, 12), 31: ("Metal", 12, 12), 53: ("Noise-Rock", 45, 12), 45: ("Loud-Rock", 12, 12),
    33: ("Psych-Folk", 17, 17), 58: ("Psych-Rock", 12, 12), 66: ("Indie-Rock", 12, 12), 70: ("Industrial", 12, 12),
    83: ("Post-Punk", 25, 12), 182: ("Trip-Hop", 15, 15), 267: ("Chiptune", 15, 15), 1235: ("Instrumental", 0, 1235),
}  # fmt: skip

# number: subset, split, top genre, all genres, artist, album
TRACKS: dict[int, tuple[str, str, str, list[int], int, int]] = {
    2: ("small", "training", "Hip-Hop", [21], 1, 1),
    5: ("small", "training", "Hip-Hop", [21], 1, 1),
    140: ("small", "validation", "Folk", [17, 33], 54, -1),
    182: ("medium", "training", "Rock", [12, 25, 83], 60, 70),
    1040: ("small", "test", "Rock", [12], 60, 71),
    1482: ("medium", "test", "Electronic", [15, 267], 81, 90),
    3573: ("large", "training", "", [12, 21], 82, 91),
    134000: ("medium", "training", "International", [2], 83, 92),
}
SUBSETS = ("small", "medium", "large")


def write_fma(root: Path, archives: Sequence[str] = SUBSETS[:2]) -> Path:
    """Tables and audio of the tracks above; a medium archive holds what a small one does. Returns ``root``."""
    write_tracks(root)
    write_genres(root)
    write_echonest(root, {2: (0.5, 0.25, 0.75), 140: (0.1, 1.0, 0.0), 182: (0.9, 0.8, 0.7)})
    for archive in archives:
        inside = SUBSETS[: SUBSETS.index(archive) + 1] if archive in SUBSETS else SUBSETS
        for number in (number for number, row in TRACKS.items() if row[0] in inside):
            write_audio(root, archive, number)
    return root


def write_audio(root: Path, archive: str, number: int, seconds: float = 1.0) -> Path:
    path = root / f"fma_{archive}" / f"{number:06d}"[:3] / f"{number:06d}.mp3"
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * RATE)) / RATE
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * (200 + number % 1000) * time), RATE, format="MP3")
    return path


def write_tracks(root: Path, changes: Mapping[int, Mapping[tuple[str, str], Any]] | None = None) -> Path:
    """``tracks.csv`` with three header rows, cells with line breaks and the columns of the real one."""
    rows = []
    for number, (subset, split, top, genres, artist, album) in TRACKS.items():
        cells: dict[tuple[str, str], Any] = {
            ("set", "subset"): subset, ("set", "split"): split, ("track", "genre_top"): top,
            ("track", "genres_all"): str(genres), ("track", "genres"): str(genres[-1:]), ("artist", "id"): artist,
            ("album", "id"): album, ("artist", "bio"): f'<p>Born "somewhere",\nlives\r\n{number},elsewhere</p>',
            ("track", "title"): f"Song, {number}", ("track", "tags"): "[]",
        }  # fmt: skip
        cells.update((changes or {}).get(number, {}))
        rows.append([number, *(cells.get(column, "") for column in TRACK_COLUMNS)])
    return write_table(root, "tracks.csv", TRACK_COLUMNS, rows)


def write_echonest(root: Path, values: Mapping[int, Sequence[Any]]) -> Path:
    """``echonest.csv`` with four header rows; ``values`` are valence, energy and danceability of a track."""
    rows = []
    for number, (valence, energy, danceability) in values.items():
        cells = {"valence": valence, "energy": energy, "danceability": danceability, "tempo": 120.5, "artist_name": "A"}
        rows.append([number, *(cells.get(column[-1], "") for column in ECHONEST_COLUMNS)])
    return write_table(root, "echonest.csv", ECHONEST_COLUMNS, rows)


def write_genres(root: Path, genres: Mapping[int, tuple[str, int, int]] = GENRES) -> Path:
    lines = [f"{number},100,{parent},{title},{top}" for number, (title, parent, top) in genres.items()]
    path = root / "fma_metadata" / "genres.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["genre_id,#tracks,parent,title,top_level", *lines]) + "\n")
    return path


def write_table(root: Path, name: str, columns: Sequence[tuple[str, ...]], rows: Iterable[Sequence[Any]]) -> Path:
    """A table as pandas writes one with several levels of column names."""
    path = root / "fma_metadata" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows(["", *level] for level in zip(*columns, strict=True))
        writer.writerow(["track_id", *[""] * len(columns)])
        writer.writerows(rows)
    return path


def fma_source(name: str, root: Path, **settings: Any) -> FMAAudioSource:
    """The data set of ``conf/data/<name>.yaml`` with some of its settings changed."""
    from running import compose

    from music_affect.configuration import build

    words = [f"data.{'' if key == 'subset' else 'source.'}{key}={value}" for key, value in settings.items()]
    source = build.source(compose("train", f"data={name}", f"data.root={root}", *words))
    assert isinstance(source, FMAAudioSource)
    return source
