from collections import Counter

import numpy as np
import pytest

from music_affect.data.synthesis.catalogue import assign_groups, make_catalogue


def test_default_size_meets_its_shares_and_is_stratified() -> None:
    entries = make_catalogue(600, 10.0, seed=0)
    shares = {split: count / 600 for split, count in Counter(entry.split for entry in entries).items()}
    assert shares == pytest.approx({"train": 0.6, "val": 0.15, "test": 0.25}, abs=0.03)
    for genre in {entry.plan.genre for entry in entries}:
        own = [entry for entry in entries if entry.plan.genre == genre]
        assert len(own) == 60
        assert 6 <= len({entry.artist for entry in own}) <= 10
        assert Counter(entry.split for entry in own)["test"] == pytest.approx(15, abs=5)
        assert all(count == pytest.approx(12, abs=4) for count in Counter(entry.fold for entry in own).values())
        assert {entry.fold for entry in own} == set(range(5))


def test_folds_do_not_follow_the_split() -> None:
    entries = make_catalogue(600, 10.0, seed=0)
    tested = {entry.fold for entry in entries if entry.split == "test"}
    assert tested == set(range(5))


def test_few_groups_leave_no_bin_empty() -> None:
    bins = assign_groups({"a": 10, "b": 1, "c": 1}, (0.6, 0.15, 0.25), np.random.default_rng(0))
    assert bins["a"] == 0
    assert sorted(bins.values()) == [0, 1, 2]


def test_bins_come_near_their_shares() -> None:
    sizes = {f"artist-{number}": 1 + number % 7 for number in range(60)}
    bins = assign_groups(sizes, (0.5, 0.3, 0.2), np.random.default_rng(0))
    filled = np.bincount([bins[name] for name in sizes], weights=list(sizes.values())) / sum(sizes.values())
    np.testing.assert_allclose(filled, (0.5, 0.3, 0.2), atol=0.02)
