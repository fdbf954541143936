from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from music_affect.evaluation import regression_alarms as alarms
from music_affect.evaluation.alarms import below_linear, train_val_gap
from music_affect.evaluation.regression import regression_scores

TARGETS = ["valence", "energy"]
RNG = np.random.default_rng(0)
LABELS = RNG.random((80, 2))
NOISE = RNG.normal(size=(80, 2))
MEAN = np.full((80, 2), 0.5)


def scores_of(predicted: np.ndarray, labels: np.ndarray = LABELS) -> dict[str, Any]:
    return regression_scores(predicted, labels, TARGETS, resamples=200)


MAJORITY = scores_of(MEAN)
GOOD = LABELS + 0.2 * NOISE
BETTER = LABELS + 0.1 * NOISE


def test_collapse_names_the_targets_that_hardly_move() -> None:
    alarm = alarms.collapse(TARGETS, np.column_stack([GOOD[:, 0], 0.5 + 0.01 * NOISE[:, 1]]), LABELS)
    assert alarm is not None
    assert alarm.name == "collapse"
    assert "energy (standard deviation 0.0105, of the labels 0.313)" in alarm.message
    assert "learning rate" in alarm.message
    assert "valence" not in alarm.message
    assert alarms.collapse(TARGETS, GOOD, LABELS) is None


def test_collapse_looks_at_labelled_clips_only() -> None:
    labels, predicted = LABELS.copy(), MEAN.copy()
    labels[:10], predicted[:10] = np.nan, NOISE[:10]
    assert alarms.collapse(TARGETS, predicted, labels) is not None
    assert alarms.collapse(TARGETS, MEAN, np.full((80, 2), np.nan)) is None


def test_labels_that_do_not_move_are_no_collapse() -> None:
    assert alarms.collapse(TARGETS, MEAN, MEAN) is None


def test_not_above_chance_names_the_target_and_stands_it_beside_the_mean() -> None:
    alarm = alarms.not_above_chance(scores_of(np.column_stack([GOOD[:, 0], NOISE[:, 1]])), MAJORITY)
    assert alarm is not None
    assert alarm.name == "not above chance"
    error = MAJORITY["by_target"]["energy"]["rmse"]
    assert f"of answering with the mean {error:.3g})" in alarm.message
    assert "energy" in alarm.message
    assert "valence" not in alarm.message
    assert alarms.not_above_chance(scores_of(GOOD), MAJORITY) is None
    assert alarms.not_above_chance(scores_of(-GOOD), MAJORITY) is not None


def test_below_linear_and_gap_speak_of_spearman() -> None:
    alarm = below_linear(scores_of(GOOD), scores_of(BETTER), "spearman")
    assert alarm is not None
    assert alarm.message.startswith("mean Spearman 0.")
    assert below_linear(scores_of(BETTER), scores_of(GOOD), "spearman") is None
    gap = train_val_gap(0.9, 0.6, "spearman")
    assert gap is not None
    assert "mean Spearman is 0.900 on train and 0.600 on val, 0.300 apart" in gap.message


@pytest.mark.parametrize(("clips", "fires"), [(29, True), (30, False)])
def test_few_labels(clips: int, fires: bool) -> None:
    labels = LABELS.copy()
    labels[clips:, 1] = np.nan
    alarm = alarms.few_labels(scores_of(GOOD, labels))
    assert (alarm is not None) == fires
    if alarm:
        assert alarm.name == "few clips"
        assert "1 of 2 targets have fewer than 30 labelled clips in test: energy 29." in alarm.message


def test_alarms_gather_what_fired() -> None:
    raised = alarms.regression_alarms(
        MAJORITY, MEAN, LABELS, majority=MAJORITY, linear=scores_of(GOOD), train_spearman=0.9, val_spearman=0.1
    )
    assert [a.name for a in raised] == ["collapse", "not above chance", "below linear", "train/val gap"]
    quiet = alarms.regression_alarms(
        scores_of(BETTER), BETTER, LABELS, majority=MAJORITY, linear=scores_of(GOOD), train_spearman=0.9
    )
    assert quiet == []


def test_a_target_without_any_label_is_few_and_nothing_else() -> None:
    labels = LABELS.copy()
    labels[:, 1] = np.nan
    scores = scores_of(BETTER, labels)
    majority, linear = scores_of(MEAN, labels), scores_of(GOOD, labels)
    raised = alarms.regression_alarms(scores, BETTER, labels, majority=majority, linear=linear)
    assert [a.name for a in raised] == ["few clips"]


def test_without_an_interval_a_correlation_that_is_not_positive_is_chance() -> None:
    two = ["one", "other"] * 40
    still, good = (regression_scores(values, LABELS, TARGETS, two) for values in (MEAN, GOOD))
    assert alarms.not_above_chance(still, MAJORITY) is not None
    assert alarms.not_above_chance(good, MAJORITY) is None
