"""The tree of genres of the Free Music Archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Genre(NamedTuple):
    """A genre of ``genres.csv``; the parent of a top-level one is 0."""

    title: str
    parent: int


class GenreTree:
    """Which genres contain which.

    Args:
        genres: by their number.
    """

    def __init__(self, genres: Mapping[int, Genre]) -> None:
        self._genres = genres
        self._titles: dict[tuple[int, ...], list[str]] = {}

    @property
    def titles(self) -> set[str]:
        """Titles of all genres."""
        return {genre.title for genre in self._genres.values()}

    def most_specific_first(self, numbers: tuple[int, ...]) -> Sequence[str]:
        """Titles of genres and of all that contain them, the deepest in the tree first, equals in the given order."""
        if numbers not in self._titles:
            lines = [self._upwards(number) for number in numbers]
            depth = {place: len(line) - above for line in lines for above, place in enumerate(line)}
            ordered = sorted(depth, key=lambda number: -depth[number])
            self._titles[numbers] = [self._genres[number].title for number in ordered]
        return self._titles[numbers]

    def _upwards(self, number: int) -> list[int]:
        """A genre and those that contain it; empty where the table does not have it."""
        line: list[int] = []
        while number in self._genres and number not in line:
            line.append(number)
            number = self._genres[number].parent
        return line
