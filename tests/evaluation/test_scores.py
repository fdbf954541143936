from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from music_affect.contracts.errors import TrainingError
from music_affect.evaluation.scores import classification_scores
from music_affect.evaluation.units import units

NAMES = ["a", "b", "c", "d", "e"]


def random_predictions(clips: int, used: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities over five classes and labels, both confined to the first ``used`` classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, used, clips)
    probabilities = np.zeros((clips, 5))
    probabilities[:, :used] = rng.random((clips, used)) + 0.4 * np.eye(used)[labels]
    return probabilities, labels


@pytest.mark.parametrize("used", [1, 3, 5])
def test_headlines_and_classes_equal_sklearn(used: int) -> None:
    probabilities, labels = random_predictions(80, used)
    probabilities[:5] = np.eye(5)[4]  # where the class has no label too
    predicted = probabilities.argmax(axis=1)
    scores = classification_scores(probabilities, labels, NAMES)
    assert scores["clips"] == 80
    assert scores["f1_macro"]["value"] == pytest.approx(
        f1_score(labels, predicted, labels=range(used), average="macro", zero_division=0)
    )
    assert scores["f1_weighted"]["value"] == pytest.approx(f1_score(labels, predicted, average="weighted"))
    assert scores["accuracy"]["value"] == pytest.approx(accuracy_score(labels, predicted))
    assert scores["confusion"] == confusion_matrix(labels, predicted, labels=range(5)).tolist()
    expected = precision_recall_fscore_support(labels, predicted, labels=range(5), zero_division=0)
    found = [[scores["per_class"][n][k] for n in NAMES] for k in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(found, np.stack(expected))


def test_only_classes_with_a_label_count() -> None:
    predictions = np.eye(5)[[0, 0, 1, 4]]
    scores = classification_scores(predictions, [0, 0, 1, 1], NAMES)
    assert scores["f1_macro"]["value"] == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("grouped", [False, True])
def test_resamples_follow_the_same_rule_as_the_value(grouped: bool) -> None:
    probabilities, labels = random_predictions(40, 4, seed=5)
    labels[:37] = np.where(labels[:37] == 3, 0, labels[:37])  # class 3 is missing from many resamples
    predicted = probabilities.argmax(axis=1)
    names = [f"artist {place % 15}" if grouped else None for place in range(40)]
    drawn = units(names)
    scores = classification_scores(probabilities, labels, NAMES, names, resamples=200, seed=9)
    chosen = np.random.default_rng(9).integers(0, drawn.count, size=(200, drawn.count - 1))
    members = [np.flatnonzero(drawn.of == unit) for unit in range(drawn.count)]
    slow = []
    for row in chosen:
        index = np.concatenate([members[unit] for unit in row])
        there = np.unique(labels[index])
        slow.append(f1_score(labels[index], predicted[index], labels=there, average="macro", zero_division=0))
    reach = stats.t.ppf(0.975, drawn.count - 1) * np.std(slow)
    value, low, high = scores["f1_macro"].values()
    assert (value - low, high - value) == pytest.approx((reach, reach))
    assert scores["intervals"] == {"over": "groups" if grouped else "clips", "count": drawn.count, "seeds": 0}


def test_scores_are_plain_and_repeatable() -> None:
    probabilities, labels = random_predictions(30, 5)
    scores = classification_scores(probabilities.astype(np.float32), labels, NAMES)
    assert json.loads(json.dumps(scores)) == scores
    assert classification_scores(probabilities.astype(np.float32), labels, NAMES) == scores
    assert classification_scores(probabilities.astype(np.float32), labels, NAMES, seed=1) != scores


def test_a_diverged_model_is_named() -> None:
    probabilities, labels = random_predictions(10, 5)
    probabilities[[2, 4], 1] = np.nan
    with pytest.raises(TrainingError, match=r"2 of 10 predictions are not finite.*learning rate"):
        classification_scores(probabilities, labels, NAMES)


@pytest.mark.parametrize(
    ("clips", "labels", "message"),
    [(3, [0, 1], "are not those of 5 classes"), (0, [], "are not those of"), (2, [0, -1], "from -1 to 0")],
)
def test_mismatched_input_is_refused(clips: int, labels: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classification_scores(np.ones((clips, 5)), labels, NAMES)
