"""Which configurations may be the best, which differ, and how much the first flatters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, studentized_range

from music_affect.evaluation.sweep_report.comparison import compare, optimism


def independent(count: int, spread: float = 0.02, draws: int = 40_000) -> np.ndarray:
    return 0.5 + spread * np.random.default_rng(1).normal(size=(draws, count))


def test_the_critical_difference_is_tukeys_where_errors_are_independent() -> None:
    found = compare(np.full(6, 0.5), independent(6), 20)
    assert found.critical == pytest.approx(0.02 * studentized_range.ppf(0.95, 6, 20), rel=0.02)


def test_the_set_of_the_best_reaches_as_far_as_dunnetts_comparisons() -> None:
    reach = 0.02 * np.sqrt(2) * 2.2121  # Dunnett, one side, five others, correlation .5, as many degrees as there are
    scores = np.array([0.6, 0.6 - 0.97 * reach, 0.6 - 1.03 * reach, 0.1, 0.1, 0.1])
    assert compare(scores, independent(6), 10**9).may_be_best.tolist() == [True, True, False, False, False, False]


def test_what_errs_alike_is_told_apart_by_little() -> None:
    shared = independent(1)
    drawn = shared + 0.001 * np.random.default_rng(2).normal(size=(len(shared), 2))
    found = compare(np.array([0.51, 0.5]), drawn, 200)
    assert found.may_be_best.tolist() == [True, False]
    assert found.critical < found.difference[0, 1] == pytest.approx(0.01)


def test_the_same_answers_differ_in_nothing() -> None:
    found = compare(np.array([0.5, 0.5]), np.repeat(independent(1), 2, axis=1), 50)
    assert (found.may_be_best.tolist(), found.critical, found.optimism) == ([True, True], 0.0, pytest.approx(0.0))


def test_fewer_groups_widen_the_set() -> None:
    scores, drawn = np.array([0.5, 0.45]), independent(2)
    reaches = [compare(scores, drawn, freedom).critical for freedom in (4, 300)]
    assert reaches[0] > 1.3 * reaches[1]


def test_optimism_of_equals_is_the_expected_maximum() -> None:
    ten = 1.5388  # the expected maximum of ten normal values
    alike = np.full(10, 0.5)
    assert optimism(alike, independent(10)) == pytest.approx(0.02 * ten, rel=0.03)
    noisy = [optimism(independent(10, draws=60)[trial], independent(10, draws=2000)) for trial in range(60)]
    assert np.mean(noisy) == pytest.approx(0.02 * ten, rel=0.15)


def test_optimism_is_nothing_where_one_is_far_above_and_for_a_single_one() -> None:
    assert optimism(np.array([0.9, 0.5, 0.1]), independent(3)) == pytest.approx(0.0, abs=1e-3)
    assert optimism(np.array([0.9]), independent(1)) == 0.0


def test_optimism_of_two_is_that_of_the_formula() -> None:
    apart, spread = 0.03, 0.02 * np.sqrt(2)
    kept = np.sqrt(1 - spread**2 / 2 / (apart**2 / 2))
    expected = spread * norm.pdf(kept * apart / spread)  # Clark, 1961: of the larger of two normal values
    assert optimism(np.array([0.53, 0.5]), independent(2)) == pytest.approx(expected, rel=0.05)
