from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from music_affect.contracts.errors import TrainingError
from music_affect.evaluation.scores import classification_scores

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
    predicted = probabilities.argmax(axis=1)
    scores = classification_scores(probabilities, labels, NAMES)
    assert scores["clips"] == 80
    assert scores["f1_macro"]["value"] == pytest.approx(f1_score(labels, predicted, average="macro", zero_division=0))
    assert scores["f1_weighted"]["value"] == pytest.approx(f1_score(labels, predicted, average="weighted"))
    assert scores["accuracy"]["value"] == pytest.approx(accuracy_score(labels, predicted))
    assert scores["confusion"] == confusion_matrix(labels, predicted, labels=range(5)).tolist()
    expected = precision_recall_fscore_support(labels, predicted, labels=range(5), zero_division=0)
    found = [[scores["per_class"][n][k] for n in NAMES] for k in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(found, np.stack(expected))


def test_a_predicted_class_that_is_never_right_counts_and_an_unheard_of_one_does_not() -> None:
    predictions = np.eye(5)[[0, 0, 1, 4]]
    scores = classification_scores(predictions, [0, 0, 1, 1], NAMES)
    assert scores["f1_macro"]["value"] == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_resamples_follow_the_same_rule_as_the_value() -> None:
    probabilities, labels = random_predictions(40, 4, seed=5)
    labels[:37] = np.where(labels[:37] == 3, 0, labels[:37])  # class 3 is missing from many resamples
    predicted = probabilities.argmax(axis=1)
    scores = classification_scores(probabilities, labels, NAMES, resamples=200, seed=9)
    index = np.random.default_rng(9).integers(0, 40, size=(200, 40))
    slow = [f1_score(labels[i], predicted[i], average="macro", zero_division=0) for i in index]
    low, high = np.quantile(slow, [0.025, 0.975])
    assert (scores["f1_macro"]["low"], scores["f1_macro"]["high"]) == pytest.approx((low, high))


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
