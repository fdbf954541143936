"""The same audio under several names: equal samples, or fingerprints that agree.

Pairs are not compared one with another: two copies share some pairs of words exactly, so candidates are
found by sorting, and only they are compared bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music_affect.data.audit.facts import Facts
from music_affect.data.audit.fingerprint import MOST_WORDS, Words

_MOST_DIFFERENT = 0.25  # of the bits; copies differ in up to .15, different recordings in .4 and more
_FEWEST_COMMON = 16  # words, 3.2 s of audio: fewer agree by chance
_LEAST_OVERLAP = 0.5  # of the shorter one's words
_APART = 5  # words between the two of a key: nearer ones resemble each other and tell less
_NEIGHBOURS = 16  # clips with the same key that each is compared with
_KEYS_AT_A_TIME = 4_000_000
_PAIRS_AT_A_TIME = 2000
_ROWS_AT_A_TIME = 4096
_ONES = np.array([bin(word).count("1") for word in range(1 << 16)], dtype=np.uint8)

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Copies:
    """Which clips are copies.

    Args:
        first: for each clip the place of the first one with the same audio; its own where there is none before it.
        exact: for each clip whether an earlier one has the very same samples.
    """

    first: list[int]
    exact: list[bool]

    @property
    def groups(self) -> list[list[int]]:
        """Places of the clips that share their audio, a list of two and more for each such audio."""
        found: dict[int, list[int]] = {}
        for place, first in enumerate(self.first):
            found.setdefault(first, []).append(place)
        return [places for places in found.values() if len(places) > 1]


def find_copies(facts: Sequence[Facts]) -> Copies:
    """Compares all clips with all others."""
    first_with: dict[str, int] = {}
    first = [first_with.setdefault(known.digest, place) if known.digest else place for place, known in enumerate(facts)]
    exact = [earlier != place for place, earlier in enumerate(first)]
    different = [place for place, repeated in enumerate(exact) if not repeated and facts[place].print]
    for a, b in alike([facts[place].words for place in different]):
        _join(first, different[a], different[b])
    return Copies([_root(first, place) for place in range(len(first))], exact)


def alike(prints: Sequence[Words]) -> list[tuple[int, int]]:
    """Pairs of fingerprints of the same recording, the earlier one first.

    Args:
        prints: uint16 [N] each, 0 where it is quiet.
    """
    table = np.zeros((len(prints), MOST_WORDS), np.uint16)
    for row, words in zip(table, prints, strict=True):
        row[: len(words)] = words
    found: set[tuple[int, int]] = set()
    for candidates in _candidates(table):
        for start in range(0, len(candidates), _PAIRS_AT_A_TIME):
            some = candidates[start : start + _PAIRS_AT_A_TIME]
            found.update((int(a), int(b)) for a, b in some[_agree(table, some), :2])
    return sorted(found)


def _candidates(table: NDArray[np.uint16]) -> Iterator[Integers]:
    """Pairs that share a key: [pairs, 3] with the two clips and the words by which the first one is later."""
    parts = 1 + table.size // _KEYS_AT_A_TIME
    for part in range(parts):
        clips, places, keys = _keys(table, part, parts)
        order = np.argsort(keys, kind="stable")
        clips, places, keys = clips[order], places[order], keys[order]
        found = [np.zeros((0, 3), np.int64)]
        for step in range(1, _NEIGHBOURS + 1):
            same = np.flatnonzero((keys[step:] == keys[:-step]) & (clips[step:] != clips[:-step]))
            found.append(np.stack([clips[same], clips[same + step], places[same] - places[same + step]], axis=1))
        yield np.unique(np.concatenate(found), axis=0)


def _keys(table: NDArray[np.uint16], part: int, parts: int) -> tuple[Integers, Integers, NDArray[np.uint32]]:
    """Clip, place and value of the keys (two words) of one part: all keys of a value are in the same."""
    found = []
    for start in range(0, len(table), _ROWS_AT_A_TIME):
        rows = table[start : start + _ROWS_AT_A_TIME]
        keys = rows[:, :-_APART].astype(np.uint32) << np.uint32(16) | rows[:, _APART:]
        # The bits of music are not evenly spread; a multiplication with an odd number spreads them over the parts.
        mixed = keys * np.uint32(2654435761) >> np.uint32(16)
        clips, places = np.nonzero(
            (rows[:, :-_APART] != 0) & (rows[:, _APART:] != 0) & (mixed % np.uint32(parts) == part)
        )
        found.append((clips + start, places, keys[clips, places]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint32)
    clips, places, values = (np.concatenate(column) for column in zip(*found, strict=True))
    return clips, places, values


def _agree(table: NDArray[np.uint16], pairs: Integers) -> NDArray[np.bool_]:
    """Whether the clips of each pair hold the same recording, shifted against each other as the pair says."""
    ours, theirs = table[pairs[:, 0]], table[pairs[:, 1]]
    places = np.arange(table.shape[1]) - pairs[:, 2:]
    inside = (places >= 0) & (places < table.shape[1])
    shifted = np.where(inside, np.take_along_axis(theirs, np.clip(places, 0, table.shape[1] - 1), axis=1), 0)
    both = (ours != 0) & (shifted != 0)
    common = both.sum(axis=1)
    different = (_ONES[ours ^ shifted] * both).sum(axis=1)
    shorter = np.minimum((ours != 0).sum(axis=1), (theirs != 0).sum(axis=1))
    enough = (common >= _FEWEST_COMMON) & (common >= _LEAST_OVERLAP * shorter)
    agree: NDArray[np.bool_] = enough & (different <= _MOST_DIFFERENT * 16 * common)
    return agree


def _root(first: list[int], place: int) -> int:
    while first[place] != place:
        place = first[place]
    return place


def _join(first: list[int], a: int, b: int) -> None:
    low, high = sorted((_root(first, a), _root(first, b)))
    first[high] = low
