"""Copies among many clips: all found, however many there are, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from music_affect.data.audit import duplicates
from music_affect.data.audit.duplicates import alike, find_copies
from music_affect.data.audit.facts import Facts, encoded


def prints(count: int, words: int = 100, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 1 << 16, words).astype(np.uint16) for _ in range(count)]


def damaged(words: np.ndarray, share: float) -> np.ndarray:
    """The words with so many of their bits turned over."""
    flips = np.random.default_rng(1).random((len(words), 16)) < share
    return words ^ (flips @ (1 << np.arange(16))).astype(np.uint16)


def facts(digest: str, words: np.ndarray) -> Facts:
    return Facts(digest=digest, print=encoded(words))


def test_all_copies_among_many_are_found_and_nothing_else() -> None:
    found = prints(1000)
    wanted = []
    for original in range(0, 50):
        wanted.append((original, len(found)))
        found.append(damaged(found[original], 0.1)[original % 7 :])
    assert alike(found) == wanted


def test_in_parts_the_same_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    found = prints(60)
    found += [damaged(words, 0.05) for words in found[:20]]
    whole = alike(found)
    monkeypatch.setattr(duplicates, "_KEYS_AT_A_TIME", 5000)
    monkeypatch.setattr(duplicates, "_ROWS_AT_A_TIME", 7)
    monkeypatch.setattr(duplicates, "_PAIRS_AT_A_TIME", 3)
    assert alike(found) == whole == [(place, 60 + place) for place in range(20)]


def test_a_short_part_in_common_makes_no_copies() -> None:
    one, other = prints(2)
    other[:30] = one[:30]
    assert alike([one, other]) == []
    other[:] = one
    assert alike([one, other]) == [(0, 1)]


def test_fewer_words_than_tell_something_make_no_copies() -> None:
    (words,) = prints(1)
    assert alike([words[:15], words[:15]]) == []
    assert alike([words[:16], words[:16]]) == [(0, 1)]


def test_nothing_is_found_in_nothing() -> None:
    assert alike([]) == []
    assert alike([np.zeros(0, np.uint16)] * 2) == []
    assert find_copies([]).groups == []


def test_a_hundred_copies_are_one_group() -> None:
    words = prints(1)[0]
    known = [facts(str(place), damaged(words, 0.01 + 0.0005 * place)) for place in range(100)]
    assert find_copies(known).groups == [list(range(100))]


def test_exact_and_encoded_copies_are_told_apart_and_joined() -> None:
    a, b = prints(2)
    known = [facts("a", a), facts("b", b), facts("a", a), facts("c", damaged(b, 0.1)), Facts("missing")]
    copies = find_copies(known)
    assert copies.first == [0, 1, 0, 1, 4]
    assert copies.exact == [False, False, True, False, False]
    assert copies.groups == [[0, 2], [1, 3]]


def test_clips_without_samples_are_not_copies_of_one_another() -> None:
    assert find_copies([Facts("missing"), Facts("missing")]).groups == []
