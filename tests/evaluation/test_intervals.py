"""Bootstrap intervals against theory: groups drawn as a whole, seeds drawn beside them, nothing where too few."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from music_affect.evaluation import intervals
from music_affect.evaluation.intervals import Interval, bootstrap, draw_seeds, draws
from music_affect.evaluation.units import units

NONE = [None]


def mean_of(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda counts: (counts @ values / counts.sum(axis=1))[:, None]


@pytest.mark.parametrize("groups", [6, 40])
def test_the_interval_of_a_mean_holds_the_truth_about_19_times_in_20(groups: int) -> None:
    rng = np.random.default_rng(0)
    names, held, over_clips = [f"artist {place}" for place in np.repeat(np.arange(groups), 3)], 0, 0
    for trial in range(300):
        statistic = mean_of(np.repeat(rng.normal(2.0, 1.0, groups), 3) + rng.normal(0.0, 0.5, 3 * groups))
        (found,) = bootstrap(statistic, units(names), lowest=-9.0, resamples=300, seed=trial)
        (naive,) = bootstrap(statistic, units(NONE * len(names)), lowest=-9.0, resamples=300, seed=trial)
        held += found.low <= 2.0 <= _unclipped(found)
        over_clips += naive.low <= 2.0 <= _unclipped(naive)
    assert 0.92 <= held / 300 <= 0.98
    assert over_clips / 300 < 0.85


def _unclipped(found: Interval) -> float:
    """Upper end of a symmetrical interval that was cut at 1."""
    return 2 * found.value - found.low


def test_width_agrees_with_theory_for_a_share() -> None:
    hits = (np.arange(400) < 240).astype(float)
    (interval,) = bootstrap(mean_of(hits), units(NONE * 400), resamples=4000)
    assert interval.value == pytest.approx(0.6)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * np.sqrt(0.6 * 0.4 / 400), rel=0.04)


def test_the_spread_of_the_draws_is_the_standard_error_with_few_units_too() -> None:
    values = np.array([0.1, 0.4, 0.2, 0.9, 0.3])
    drawn = draws(mean_of(values), units(NONE * 5), 20_000)
    assert drawn.std() == pytest.approx(stats.sem(values), rel=0.02)  # of G draws it would be sqrt(4 / 5) of it


def test_all_clips_of_a_group_are_counted_together() -> None:
    names = ["b", None, "a", "b", "", "a", "a"]
    drawn, seen = units(names), []
    assert (drawn.over, drawn.count, drawn.of.tolist()) == ("groups", 4, [0, 1, 2, 0, 3, 2, 2])
    draws(lambda counts: seen.append(counts) or counts[:, :1].astype(float), drawn, 50)
    (counts,) = seen
    assert (counts[:, [0, 2, 2]] == counts[:, [3, 5, 6]]).all()
    assert (counts[:, [0, 1, 2, 4]].sum(axis=1) == 3).all()
    assert units(["", None]).to_dict() == {"over": "clips", "count": 2}


def test_a_clip_without_a_group_is_none_that_is_called_like_its_place() -> None:
    assert units(["1", None]).count == 2


def test_several_figures_come_back_in_order() -> None:
    values = np.linspace(0, 1, 50)
    mean, largest = bootstrap(
        lambda counts: np.stack([mean_of(values)(counts)[:, 0], np.where(counts > 0, values, 0).max(axis=1)], axis=1),
        units(NONE * 50),
    )
    assert mean.value == pytest.approx(0.5)
    assert largest.value == 1.0
    assert largest.low < largest.high == 1.0
    assert Interval(0.5, 0.25, 0.75).to_dict() == {"value": 0.5, "low": 0.25, "high": 0.75}


def test_chunks_cover_every_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = draws(mean_of(np.arange(20.0)), units(NONE * 20), 11)
    monkeypatch.setattr(intervals, "_ENTRIES_A_CHUNK", 70)
    shapes: list[tuple[int, ...]] = []

    def statistic(counts: np.ndarray) -> np.ndarray:
        shapes.append(counts.shape)
        return mean_of(np.arange(20.0))(counts)

    assert np.array_equal(draws(statistic, units(NONE * 20), 11), whole)
    assert shapes == [(3, 20), (3, 20), (3, 20), (2, 20)]


@pytest.mark.parametrize("names", [["a"] * 9, ["a", "b", "c", "d"] * 3, NONE * 4])
def test_too_few_units_have_no_interval(names: list[str | None]) -> None:
    (found,) = bootstrap(mean_of(np.arange(len(names), dtype=float)), units(names))
    assert (found.value, found.low, found.high) == (pytest.approx((len(names) - 1) / 2), None, None)


def test_no_clip_has_no_interval() -> None:
    with pytest.raises(ValueError, match="at least one clip"):
        bootstrap(mean_of(np.zeros(0)), units([]))


def test_seeds_are_drawn_with_the_variance_of_their_mean() -> None:
    scores = np.array([0.70, 0.74, 0.66])
    drawn = draw_seeds(np.full((20_000, 1), scores.mean()), [np.full((20_000, 1), score - 0.7) for score in scores])
    assert drawn.mean() == pytest.approx(0.7, abs=1e-3)
    assert drawn.std() == pytest.approx(stats.sem(scores), rel=0.02)
    assert set(np.round(drawn[:, 0], 6)) <= {0.66, 0.68, 0.7, 0.72, 0.74}  # means of two of the three


def test_an_interval_with_seeds_is_wider_by_the_spread_between_them() -> None:
    rng, drawn = np.random.default_rng(1), units(NONE * 200)
    seeds = [rng.random(200) * 0.2 + shift for shift in (0.3, 0.5, 0.7)]
    others = [mean_of((sum(seeds) - own) / 2) for own in seeds]  # of a mean, the jackknife is exact
    (fixed,) = bootstrap(mean_of(sum(seeds) / 3), drawn)
    (free,) = bootstrap(mean_of(sum(seeds) / 3), drawn, without_seed=others)
    assert free.value == fixed.value
    expected = np.hypot((fixed.high - fixed.low) / 2, 1.97 * stats.sem([own.mean() for own in seeds]))
    assert (free.high - free.low) / 2 == pytest.approx(expected, rel=0.05)
