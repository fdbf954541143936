"""The Free Music Archive as it was published: mp3 files with genre, artists and Echonest's affect."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from music_affect.contracts.errors import ConfigurationError, DataNotFoundError, LabelError, did_you_mean
from music_affect.contracts.spec import Categorical, Continuous, Target
from music_affect.data.fma.archives import FMAArchives, track_id
from music_affect.data.fma.genres import GenreTree
from music_affect.data.fma.tables import AFFECT, SUBSETS, Track, read_echonest, read_genres, read_tracks
from music_affect.data.source import Clip, ClipSource
from music_affect.data.tables.class_mapping import ClassMapping

METADATA = "fma_metadata"
GENRES = ("top", "all")
GROUPS = ("artist", "album")


class FMAAudioSource(ClipSource):
    """The archives of FMA, one or several side by side.

    What: excerpts of 30 s as mp3 (``fma_full``: whole tracks) with genres out of a tree of 163, artists, albums, and an
    official training, validation and test part; valence, energy and danceability in [0, 1], estimated by Echonest.
    How many: 8000 tracks (small, 8 genres in equal parts), 25 000 (medium, 16 genres), 106 574 (large and full), each
    subset within the next; 13 129 of all have Echonest's values. A few files are far too short or hold no audio.
    Licence: the tracks carry Creative Commons licences of their artists.
    Reference: Defferrard et al., "FMA: A Dataset for Music Analysis", ISMIR 2017; github.com/mdeff/fma.

    Args:
        root: holds ``fma_metadata`` and one or several of ``fma_small``, ``fma_medium``, ``fma_large``, ``fma_full``.
        subset: tracks that are taken. A file is taken from the smallest archive that has it.
        genre: ``top``, the track's top-level genre; ``all``, the most specific of all its genres, and of those that
            contain them, that the mapping knows.
        class_mapping: titles of genres by the class they belong to; None takes the titles as they are.
        dropped: titles of genres whose tracks are left out.
        group: ``artist`` or ``album``: what must not straddle a split.
        name: short name for run folders and reports; after the subset where None.
    """

    def __init__(
        self,
        root: str | Path | None,
        subset: str = "small",
        genre: str = "top",
        class_mapping: Mapping[str, Sequence[str]] | None = None,
        dropped: Sequence[str] = (),
        group: str = "artist",
        name: str | None = None,
    ) -> None:
        choices = (("subset", subset, SUBSETS), ("source.genre", genre, GENRES), ("source.group", group, GROUPS))
        for setting, value, known in choices:
            if value not in known:
                raise ConfigurationError(
                    f"data.{setting}={value}{did_you_mean(str(value), known)}",
                    expected=f"one of {', '.join(known)}",
                    fix="correct it",
                )
        if root is None:
            raise _not_found("data=fma_audio without a folder")
        self.root = Path(root).expanduser().resolve()
        self.name = name or f"fma_{subset}"
        self._subset, self._genre, self._group = subset, genre, group
        self._mapping = ClassMapping(class_mapping, dropped)

    @cached_property
    def targets(self) -> Mapping[str, Target]:  # type: ignore[override]  # looked up once
        known = {self._mapping.class_of(raw) for raw in self._raw.values() if self._has_class(raw)}
        classes = self._mapping.classes or tuple(sorted(known))
        found: dict[str, Target] = {"genre": Categorical(classes)} if known else {}
        scales = {name for values in self._affect.values() for name in values}
        return {**found, **{name: Continuous(0.0, 1.0) for name in AFFECT if name in scales}}

    def clips(self) -> list[Clip]:
        return [self._clip(track) for track in self._tracks]

    def remarks(self) -> list[str]:
        return [*self._told_files(), *self._told_affect(), *self._told_genres()]

    def why_missing(self, target: str) -> str | None:
        of_all = f"none of the {len(self._tracks)} tracks of fma_{self._subset}"
        if target == "genre":
            return f"{of_all} has a genre that data.source.class_mapping knows"
        if target in AFFECT:
            path = self._path("echonest.csv")
            return f"{path} has it for {of_all}" if path.is_file() else f"{path} is not there; fma_metadata.zip has it"
        return None

    @cached_property
    def _tracks(self) -> list[Track]:
        """Tracks of the subset whose genre is not dropped."""
        return [track for track in self._subset_tracks if self._raw[track.number] not in self._mapping.dropped]

    @cached_property
    def _subset_tracks(self) -> list[Track]:
        subsets = SUBSETS[: SUBSETS.index(self._subset) + 1]
        return [track for track in read_tracks(self._table("tracks.csv")) if track.subset in subsets]

    @cached_property
    def _raw(self) -> dict[int, str]:
        """Titles of the genres that decide, by track; empty for a track without any."""
        if self._genre == "top" and not self._mapping.raw_names:
            return {track.number: track.top for track in self._subset_tracks}
        tree = GenreTree(read_genres(self._table("genres.csv")))
        self._refuse_unknown(tree.titles)
        return {track.number: self._deciding(track, tree) for track in self._subset_tracks}

    def _deciding(self, track: Track, tree: GenreTree) -> str:
        if self._genre == "top":
            return track.top
        titles = tree.most_specific_first(track.genres)
        return next((title for title in titles if self._mapping.knows(title)), titles[0] if titles else "")

    def _refuse_unknown(self, titles: set[str]) -> None:
        for title in self._mapping.raw_names:
            if title not in titles:
                raise LabelError(
                    f"data.source.class_mapping or dropped names the genre '{title}'{did_you_mean(title, titles)}",
                    expected=f"titles of {self._path('genres.csv')}",
                    fix="correct it",
                )

    def _has_class(self, raw: str) -> bool:
        return bool(raw) and raw not in self._mapping.dropped and self._mapping.knows(raw)

    @cached_property
    def _echonest(self) -> dict[int, tuple[float, ...]]:
        """Echonest's values of the tracks, as they stand in the table."""
        path = self._path("echonest.csv")
        found = read_echonest(path) if path.is_file() else {}
        return {track.number: found[track.number] for track in self._tracks if track.number in found}

    @cached_property
    def _affect(self) -> dict[int, dict[str, float]]:
        """Those that are labels, by track."""
        return {
            number: {name: value for name, value in zip(AFFECT, values, strict=True) if 0 <= value <= 1}
            for number, values in self._echonest.items()
        }

    @cached_property
    def _archives(self) -> FMAArchives:
        found = FMAArchives(self.root, self._subset)
        if not found.present:
            raise _not_found(f"no folder fma_small, fma_medium, fma_large or fma_full in {self.root}")
        return found

    def _clip(self, track: Track) -> Clip:
        raw = self._raw[track.number]
        genre = {"genre": self._mapping.class_of(raw)} if self._has_class(raw) else {}
        group = track.artist if self._group == "artist" else track.album
        return Clip(
            id=track_id(track.number),
            path=self._archives.path(track.number),
            labels={**genre, **self._affect.get(track.number, {})},
            group=f"{self._group}-{group}" if group else None,
            split=track.split,
        )

    def _told_files(self) -> list[str]:
        lacking = [track.number for track in self._tracks if not self._archives.has(track.number)]
        if not lacking:
            return []
        told = f"{len(lacking)} of {len(self._tracks)} tracks of fma_{self._subset} have no file"
        return [f"{told} (first: '{track_id(lacking[0])}'); they are left out."]

    def _told_affect(self) -> list[str]:
        asked = len(AFFECT) * len(self._echonest)
        invalid = asked - sum(map(len, self._affect.values()))
        return [f"{invalid} of {asked} values of Echonest are not in [0, 1]: missing labels."] if invalid else []

    def _told_genres(self) -> list[str]:
        raws = [self._raw[track.number] for track in self._tracks]
        unknown = Counter(raw for raw in raws if raw and not self._has_class(raw))
        if not unknown:
            return []
        told = ", ".join(f"{name}: {count}" for name, count in unknown.most_common(5))
        return [f"{sum(unknown.values())} tracks have a genre of no class and carry no genre label ({told})."]

    def _path(self, table: str) -> Path:
        return self.root / METADATA / table

    def _table(self, name: str) -> Path:
        if not os.path.isfile(self._path(name)):
            raise _not_found(f"no {METADATA}/{name} in {self.root}")
        return self._path(name)


def _not_found(found: str) -> DataNotFoundError:
    return DataNotFoundError(
        found,
        expected="a folder that holds fma_metadata and fma_small, fma_medium, fma_large or fma_full",
        fix=(
            "unpack fma_metadata.zip and an archive of audio (github.com/mdeff/fma tells where they are) side by side, "
            "and set data.root or the environment variable MUSIC_AFFECT_FMA to that folder"
        ),
    )
