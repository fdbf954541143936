from __future__ import annotations

import numpy as np
import pytest

from music_affect.evaluation import intervals
from music_affect.evaluation.intervals import Interval, bootstrap


def test_the_interval_of_a_mean_holds_the_truth_about_19_times_in_20() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(300):
        sample = rng.normal(2.0, 1.0, 80)
        (interval,) = bootstrap(lambda index, s=sample: s[index].mean(axis=1, keepdims=True), 80, seed=trial)
        held += interval.low <= 2.0 <= interval.high
    assert 0.90 <= held / 300 <= 0.98


def test_width_agrees_with_theory_for_a_share() -> None:
    hits = (np.arange(400) < 240).astype(float)
    (interval,) = bootstrap(lambda index: hits[index].mean(axis=1, keepdims=True), 400, resamples=4000)
    assert interval.value == pytest.approx(0.6)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * np.sqrt(0.6 * 0.4 / 400), rel=0.06)


def test_several_figures_come_back_in_order() -> None:
    values = np.linspace(0, 1, 50)
    mean, largest = bootstrap(lambda i: np.stack([values[i].mean(1), values[i].max(1)], axis=1), 50)
    assert mean.value == pytest.approx(0.5)
    assert largest.value == 1.0
    assert largest.low < largest.high == 1.0
    assert Interval(0.5, 0.25, 0.75).to_dict() == {"value": 0.5, "low": 0.25, "high": 0.75}


def test_chunks_cover_every_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "_ENTRIES_A_CHUNK", 70)
    shapes: list[tuple[int, ...]] = []

    def statistic(index: np.ndarray) -> np.ndarray:
        shapes.append(index.shape)
        return index.mean(axis=1, keepdims=True)

    bootstrap(statistic, 20, resamples=11)
    assert shapes == [(1, 20), (3, 20), (3, 20), (3, 20), (2, 20)]


def test_no_clip_has_no_interval() -> None:
    with pytest.raises(ValueError, match="at least one clip"):
        bootstrap(lambda index: index.mean(axis=1, keepdims=True), 0)
