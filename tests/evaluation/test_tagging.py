"""Scores of tags against scikit-learn and torchmetrics; their intervals, their references, and what is not scored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler
from torchmetrics.functional.classification import multilabel_auroc, multilabel_average_precision

from music_affect.contracts.errors import TrainingError
from music_affect.contracts.ranking import macro, rankings
from music_affect.contracts.spec import Tags
from music_affect.evaluation.alarms import tag_alarms
from music_affect.evaluation.baselines.fitted import from_dict
from music_affect.evaluation.baselines.linear import LinearReference, MajorityReference
from music_affect.evaluation.baselines.neighbours import NeighboursReference
from music_affect.evaluation.tagging import tagging_scores

TAGS = ("rock", "indie", "90s", "never")
Floats = NDArray[np.float64]


def clips(size: int = 60) -> tuple[Floats, Floats]:
    """Probabilities with many ties, and labels of which the last tag has none."""
    generator = np.random.default_rng(0)
    labels = (generator.random((size, 4)) < (0.5, 0.3, 0.1, 0.0)).astype(float)
    return np.round(np.clip(0.4 * labels + 0.6 * generator.random((size, 4)), 0, 1), 1), labels


def test_figures_equal_sklearn_with_counts_as_weights() -> None:
    scores, labels = clips()
    counts = np.random.default_rng(1).integers(0, 3, size=(5, len(labels)))
    found = rankings(scores, labels, counts)
    for row, weights in zip(found, counts, strict=True):
        for k in range(3):
            expected = [
                call(labels[:, k], scores[:, k], sample_weight=weights)
                for call in (average_precision_score, roc_auc_score)
            ]
            np.testing.assert_allclose(row[:, k], expected, rtol=1e-12)
    assert np.isnan(found[:, :, 3]).all()


def test_macro_figures_equal_torchmetrics_and_leave_out_what_cannot_be_scored() -> None:
    scores, labels = clips()
    scored = tagging_scores(scores, labels, TAGS)
    sides = torch.from_numpy(scores[:, :3]), torch.from_numpy(labels[:, :3]).long()
    assert scored["average_precision"]["value"] == pytest.approx(float(multilabel_average_precision(*sides, 3)))
    assert scored["roc_auc"]["value"] == pytest.approx(float(multilabel_auroc(*sides, 3)))
    assert scored["scored"] == 3
    assert scored["per_tag"]["never"] == {"average_precision": None, "roc_auc": None, "positives": 0}


def test_clips_without_a_label_change_nothing() -> None:
    scores, labels = clips()
    groups = [f"artist {number // 3}" for number in range(len(labels))]
    more = np.vstack([np.full((2, 4), np.nan), labels]), np.vstack([np.ones((2, 4)), scores])
    padded = tagging_scores(more[1], more[0], TAGS, [None, None, *groups])
    assert padded == tagging_scores(scores, labels, TAGS, groups)
    assert padded["intervals"] == {"over": "groups", "count": 20, "seeds": 0}
    assert padded["average_precision"]["low"] < padded["average_precision"]["value"] < 1


def test_where_no_tag_can_be_scored_nothing_is_claimed() -> None:
    scored = tagging_scores(np.full((6, 1), 0.5), np.ones((6, 1)), ["rock"])
    assert scored["scored"] == 0
    assert scored["average_precision"] == {"value": None, "low": None, "high": None}
    assert [alarm.name for alarm in tag_alarms(scored, majority=scored, linear=scored)] == ["no tag scored"]


def test_a_draw_without_a_scorable_tag_has_no_mean() -> None:
    assert np.isnan(macro(rankings(np.ones((2, 1)), np.array([[1.0], [0.0]]), np.array([[2, 0]])))).all()


def test_what_is_no_probability_is_refused() -> None:
    scores, labels = clips()
    scores[0, 0] = np.nan
    with pytest.raises(TrainingError, match="1 of 60 predictions are not finite"):
        tagging_scores(scores, labels, TAGS)
    with pytest.raises(ValueError, match="not those of 3 tags"):
        tagging_scores(scores, labels, TAGS[:3])


def test_the_linear_reference_is_a_logistic_regression_a_tag() -> None:
    labels, generator = clips()[1], np.random.default_rng(2)
    statistics = generator.standard_normal((len(labels), 5)).astype(np.float32)
    fitted = LinearReference((0.1,)).fit(statistics, labels, Tags(TAGS))
    inputs = StandardScaler().fit_transform(statistics.astype(np.float64)).astype(np.float32)
    expected = [
        LogisticRegression(C=0.1, max_iter=1000, tol=1e-3).fit(inputs, column).predict_proba(inputs)[:, 1]
        for column in labels.T[:3]
    ]
    found = fitted.predict(statistics)
    np.testing.assert_allclose(found[:, :3], np.stack(expected, axis=1), atol=1e-5)
    assert (found[:, 3] == 0).all()
    assert (from_dict(fitted.to_dict(), Tags(TAGS)).predict(statistics) == found).all()


def test_the_other_references_answer_with_shares() -> None:
    labels, generator = clips()[1], np.random.default_rng(2)
    statistics = generator.standard_normal((len(labels), 5)).astype(np.float32)
    majority = MajorityReference().fit(statistics, labels, Tags(TAGS)).predict(statistics)
    np.testing.assert_allclose(majority, np.tile(labels.mean(axis=0), (len(labels), 1)))
    nearest = NeighboursReference((3,)).fit(statistics, labels, Tags(TAGS)).predict(statistics)
    assert nearest.shape == labels.shape
    assert set(np.round(nearest * 3, 6).ravel()) <= {0.0, 1.0, 2.0, 3.0}
