"""Which clips a corpus has: genres, artists, splits and folds, before any music exists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from music_affect.data.synthesis.clip import ClipPlan, artist_name
from music_affect.data.synthesis.styles import GENRES

SPLITS = ("train", "val", "test")
_SPLIT_SHARES = (0.6, 0.15, 0.25)
_NUM_FOLDS = 5
_ARTISTS = (5, 10)  # a genre's fewest and most artists, clips permitting
_CLIPS_PER_ARTIST = 4


@dataclass(frozen=True)
class Entry:
    """One row of the catalogue: what to render, and where the clip belongs."""

    plan: ClipPlan
    artist: str
    split: str
    fold: int


def make_catalogue(num_clips: int, seconds: float, seed: int) -> list[Entry]:
    """Spread clips evenly over genres, unevenly over artists; splits and folds keep artists together.

    Args:
        num_clips: clips in all genres together.
        seconds: length of a clip.
        seed: of the whole corpus.
    """
    plans = _plans(num_clips, seconds, seed)
    split_rng, fold_rng = (np.random.default_rng((seed, 3, stream)) for stream in range(2))
    splits: dict[str, int] = {}
    folds: dict[str, int] = {}
    for genre in GENRES:
        sizes = Counter(artist_name(plan) for plan in plans if plan.genre == genre)
        splits |= assign_groups(sizes, _SPLIT_SHARES, split_rng)
        folds |= assign_groups(sizes, (1.0 / _NUM_FOLDS,) * _NUM_FOLDS, fold_rng)
    named = [(plan, artist_name(plan)) for plan in plans]
    return [Entry(plan, artist, SPLITS[splits[artist]], folds[artist]) for plan, artist in named]


def assign_groups(sizes: Mapping[str, int], shares: Sequence[float], rng: np.random.Generator) -> dict[str, int]:
    """Put whole groups into bins so that the bins come near their shares and none stays empty where avoidable.

    Args:
        sizes: members by group.
        shares: wanted share of the members by bin, summing to 1.
        rng: breaks ties.

    Returns:
        Number of the bin by group.
    """
    missing = np.array(shares) * sum(sizes.values())
    empty = np.ones(len(shares), dtype=bool)
    bins = {}
    shuffled = [list(sizes)[place] for place in rng.permutation(len(sizes))]
    for place, group in enumerate(sorted(shuffled, key=lambda name: -sizes[name])):
        urgent = empty.any() and len(sizes) - place <= empty.sum()
        preference = np.where(empty, missing, -np.inf) if urgent else missing
        chosen = int(np.argmax(preference + rng.uniform(0.0, 1e-6, len(shares))))
        bins[group] = chosen
        missing[chosen] -= sizes[group]
        empty[chosen] = False
    return bins


def _plans(num_clips: int, seconds: float, seed: int) -> list[ClipPlan]:
    genres = [GENRES[index % len(GENRES)] for index in range(num_clips)]
    artists = {
        genre: _draw_artists(size, np.random.default_rng((seed, 2, GENRES.index(genre))))
        for genre, size in Counter(genres).items()
    }
    return [
        ClipPlan(seed, index, genre, artists[genre][index // len(GENRES)], seconds)
        for index, genre in enumerate(genres)
    ]


def _draw_artists(size: int, rng: np.random.Generator) -> list[int]:
    """Number of the artist of each of a genre's clips: everyone has at least one, some have many."""
    fewest, most = _ARTISTS
    count = min(size, max(fewest, min(most, size // _CLIPS_PER_ARTIST)))
    popularity = rng.dirichlet(np.full(count, 6.0))
    drawn = [*range(count), *rng.choice(count, size=size - count, p=popularity).tolist()]
    return [drawn[place] for place in rng.permutation(size)]
