from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from music_affect.evaluation import alarms
from music_affect.evaluation.scores import classification_scores

NAMES = ["a", "b", "c", "d"]
LABELS = np.arange(80) % 4


def scores_of(predicted: np.ndarray) -> dict[str, Any]:
    return classification_scores(np.eye(4)[predicted], LABELS, NAMES, resamples=200)


def right(share: float) -> dict[str, Any]:
    """Scores of a model that is right on the first clips and one class off on the rest."""
    return scores_of(np.where(np.arange(80) < share * 80, LABELS, (LABELS + 1) % 4))


MAJORITY = scores_of(np.zeros(80, int))


def test_collapse() -> None:
    alarm = alarms.collapse(scores_of(np.where(np.arange(80) < 10, LABELS, 1)))
    assert alarm is not None
    assert alarm.name == "majority collapse"
    assert "91% of the predictions are 'b', 25% of the clips are" in alarm.message
    assert "learning rate" in alarm.message
    assert alarms.collapse(right(0.7)) is None


def test_a_class_that_truly_dominates_is_no_collapse() -> None:
    labels = np.where(np.arange(100) < 85, 0, 1)
    scores = classification_scores(np.eye(4)[labels], labels, NAMES, resamples=20)
    assert alarms.collapse(scores) is None


def test_not_above_majority() -> None:
    alarm = alarms.not_above_majority(MAJORITY, MAJORITY)
    assert alarm is not None
    assert "macro F1 0.100 is not above the majority reference, 0.100 [" in alarm.message
    assert alarms.not_above_majority(right(0.7), MAJORITY) is None


def test_below_linear_says_whether_the_difference_is_noise() -> None:
    near, far = alarms.below_linear(right(0.68), right(0.7)), alarms.below_linear(right(0.3), right(0.7))
    assert near is not None
    assert far is not None
    assert "though within its interval" in near.message
    assert "within" not in far.message
    assert "0.300 is below the linear reference, 0.700 [" in far.message
    assert alarms.below_linear(right(0.7), right(0.7)) is None


def test_train_val_gap() -> None:
    alarm = alarms.train_val_gap(0.95, 0.45)
    assert alarm is not None
    assert "0.950 on train and 0.450 on val, 0.500 apart" in alarm.message
    assert alarms.train_val_gap(0.7, 0.5) is None
    assert alarms.train_val_gap(0.3, 0.6) is None


def test_leaked_groups() -> None:
    groups = {"train": {"x", "y", "z"}, "val": {"v"}, "test": {"z", "x", "w"}}
    alarm = alarms.leaked_groups(groups)
    assert alarm is not None
    assert "2 in train and test (x, z)" in alarm.message
    assert "val" not in alarm.message
    assert alarms.leaked_groups({"train": {"x"}, "val": set(), "test": {"y"}}) is None


def test_many_leaked_groups_are_counted_not_listed() -> None:
    names = {f"artist{i}" for i in range(9)}
    alarm = alarms.leaked_groups({"train": names, "test": names})
    assert alarm is not None
    assert "artist4, and 4 more" in alarm.message
    assert "artist5" not in alarm.message


def test_missing_classes() -> None:
    alarm = alarms.missing_classes({"a": 30, "b": 0, "c": 5})
    assert alarm is not None
    assert "1 of 3 classes have no training clip: b." in alarm.message
    assert alarms.missing_classes({"a": 30, "b": 1}) is None


def test_few_clips() -> None:
    alarm = alarms.few_clips({"a": 9, "b": 10, "c": 0}, "test")
    assert alarm is not None
    assert "2 of 3 classes have fewer than 10 clips in test: a 9, c 0." in alarm.message
    assert alarms.few_clips({"a": 10, "b": 400}, "test") is None
    assert alarms.few_clips({"a": 10, "b": 0}, "train") is None, "that is the alarm on missing classes"


def test_score_alarms_gather_what_fired() -> None:
    raised = alarms.score_alarms(MAJORITY, majority=MAJORITY, linear=right(0.7), train_f1=0.9, val_f1=0.1)
    names = ["majority collapse", "not above majority", "below linear", "miscalibrated", "train/val gap"]
    assert [a.name for a in raised] == names
    assert alarms.score_alarms(right(0.95), majority=MAJORITY, linear=right(0.7), train_f1=0.9) == []
    assert raised[0].to_dict().keys() == {"name", "message"}


@pytest.mark.parametrize(("clips", "names"), [(50, []), (3, ["few clips"] * 2), (0, ["missing classes", "few clips"])])
def test_split_alarms_gather_what_fired(clips: int, names: list[str]) -> None:
    counts = {"train": {"a": 50, "b": clips}, "test": {"a": 50, "b": clips}}
    assert [a.name for a in alarms.split_alarms(counts, {"train": {"x"}, "test": {"y"}})] == names


def test_splits_without_a_class_label_are_checked_for_groups() -> None:
    assert alarms.split_alarms({}, {"train": {"x"}, "test": {"y"}}) == []
    assert [a.name for a in alarms.split_alarms({}, {"train": {"x"}, "test": {"x"}})] == ["leaked groups"]


def test_without_intervals_figures_are_compared_as_they_are() -> None:
    def few(share: float) -> dict[str, Any]:
        predicted = np.where(np.arange(80) < share * 80, LABELS, (LABELS + 1) % 4)
        return classification_scores(np.eye(4)[predicted], LABELS, NAMES, ["one", "other"] * 40)

    assert alarms.not_above_majority(few(0.05), MAJORITY | {"f1_macro": few(0.1)["f1_macro"]}) is not None
    assert alarms.not_above_majority(few(0.2), few(0.1)) is None
    alarm = alarms.below_linear(few(0.5), few(0.6))
    assert alarm is not None
    assert "0.600: clip statistics" in alarm.message


def test_probabilities_that_are_far_off_are_an_alarm_and_those_of_few_clips_are_not() -> None:
    alarm = alarms.miscalibrated(right(0.6))
    assert alarm is not None
    assert alarm.name == "miscalibrated"
    assert "expected calibration error 0.400, of a calibrated model 0.000" in alarm.message
    assert "a probability of 100% on average and is right in 60%" in alarm.message
    assert alarms.miscalibrated(right(0.92)) is None, "too small to matter"
    few = classification_scores(np.full((6, 2), 0.5), [0, 0, 0, 0, 1, 1], ["a", "b"])
    assert few["ece"]["value"] == pytest.approx(1 / 6)
    assert alarms.miscalibrated(few) is None, "too few clips to say so"
