from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr, t
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from music_affect.contracts.errors import TrainingError
from music_affect.evaluation.regression import correlations, regression_scores

TARGETS = ["valence", "energy", "danceability"]


def random_values(clips: int = 80, missing: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and labels of three targets, rounded so that there are ties, some labels missing."""
    rng = np.random.default_rng(seed)
    labels = np.round(rng.random((clips, 3)), 1)
    predicted = np.round(labels * [0.8, -0.3, 0.0] + 0.3 * rng.normal(size=(clips, 3)) + 0.2, 1)
    labels[rng.random((clips, 3)) < missing] = np.nan
    return predicted, labels


def concordance(x: np.ndarray, y: np.ndarray) -> float:
    covariance = np.cov(x, y, bias=True)
    return float(2 * covariance[0, 1] / (covariance[0, 0] + covariance[1, 1] + (x.mean() - y.mean()) ** 2))


def flat(scores: dict) -> np.ndarray:
    """Every figure but the intervals of one target after the other."""
    names = ("clips", "pearson", "r2", "mae", "rmse", "ccc")
    return np.array([[f["spearman"]["value"], *(f[n] for n in names)] for f in scores["by_target"].values()])


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_figures_equal_scipy_and_sklearn(missing: float) -> None:
    predicted, labels = random_values(missing=missing)
    scores = regression_scores(predicted, labels, TARGETS, resamples=10)
    assert scores["clips"] == (~np.isnan(labels)).any(axis=1).sum()
    for k, figures in enumerate(scores["by_target"].values()):
        there = ~np.isnan(labels[:, k])
        x, y = predicted[there, k], labels[there, k]
        assert figures["clips"] == there.sum()
        assert figures["spearman"]["value"] == pytest.approx(spearmanr(x, y)[0])
        assert figures["pearson"] == pytest.approx(pearsonr(x, y)[0])
        assert figures["r2"] == pytest.approx(r2_score(y, x))
        assert figures["mae"] == pytest.approx(mean_absolute_error(y, x))
        assert figures["rmse"] == pytest.approx(root_mean_squared_error(y, x))
        assert figures["ccc"] == pytest.approx(concordance(x, y))
    each = [figures["spearman"]["value"] for figures in scores["by_target"].values()]
    assert scores["spearman"]["value"] == pytest.approx(np.mean(each))


def test_intervals_are_those_of_scipy_on_the_same_resamples() -> None:
    """Every resample is written out, clip by clip as often as it was drawn, and ranked by scipy; there are ties."""
    predicted, labels = random_values(40, seed=1)
    labels[5] = np.nan
    names = [f"artist {place // 3}" for place in range(40)]
    scores = regression_scores(predicted, labels, TARGETS, names, resamples=200, seed=9)
    kept = np.flatnonzero((~np.isnan(labels)).any(axis=1))
    assert 5 not in kept
    groups = list(dict.fromkeys(names[place] for place in kept))
    members = [[place for place in kept if names[place] == group] for group in groups]
    chosen = np.random.default_rng(9).integers(0, len(groups), size=(200, len(groups) - 1))
    slow = []
    for row in chosen:
        index = np.concatenate([members[unit] for unit in row])
        slow.append([spearmanr(predicted[index, k], labels[index, k], nan_policy="omit")[0] for k in range(3)])
    factor = t.ppf(0.975, len(groups) - 1)
    for k, name in enumerate(TARGETS):
        found = scores["by_target"][name]["spearman"]
        assert found["value"] - found["low"] == pytest.approx(factor * np.std(np.array(slow)[:, k]))
    joint = factor * np.std(np.mean(slow, axis=1))
    assert scores["spearman"]["high"] - scores["spearman"]["value"] == pytest.approx(joint)
    assert scores["intervals"] == {"over": "groups", "count": len(groups), "seeds": 0}


def test_counts_stand_for_clips_that_are_written_out() -> None:
    predicted, labels = random_values(60, missing=0.3, seed=4)
    counts = np.random.default_rng(2).integers(0, 5, (20, 60))
    found = correlations(predicted, labels, counts)
    for row, (mean, *each) in zip(counts, found, strict=True):
        pairs = [(np.repeat(predicted[:, k], row), np.repeat(labels[:, k], row)) for k in range(3)]
        slow = [spearmanr(x, y, nan_policy="omit").statistic for x, y in pairs]
        assert each == pytest.approx(slow, abs=1e-12)
        assert mean == pytest.approx(np.mean(slow))


def test_only_the_order_matters_to_spearman() -> None:
    predicted, labels = random_values()
    scores = regression_scores(predicted, labels, TARGETS, resamples=100)
    bent = regression_scores(np.exp(3 * predicted) - 7, labels**3, TARGETS, resamples=100)
    assert bent["spearman"] == scores["spearman"]
    assert bent["by_target"]["valence"]["pearson"] != pytest.approx(scores["by_target"]["valence"]["pearson"])
    turned = regression_scores(-predicted, labels, TARGETS, resamples=100)
    assert turned["spearman"]["value"] == pytest.approx(-scores["spearman"]["value"])


def test_the_order_of_clips_and_targets_does_not_matter() -> None:
    predicted, labels = random_values()
    found = flat(regression_scores(predicted, labels, TARGETS, resamples=5))
    turn = np.random.default_rng(3).permutation(len(labels))
    np.testing.assert_allclose(flat(regression_scores(predicted[turn], labels[turn], TARGETS, resamples=5)), found)
    back = regression_scores(predicted[:, ::-1], labels[:, ::-1], TARGETS[::-1], resamples=5)
    np.testing.assert_allclose(flat(back)[::-1], found)


def test_what_is_predicted_for_a_missing_label_does_not_matter() -> None:
    predicted, labels = random_values()
    moved = np.where(np.isnan(labels), 1e6, predicted)
    scores = regression_scores(predicted, labels, TARGETS, resamples=50)
    assert regression_scores(moved, labels, TARGETS, resamples=50) == scores
    assert regression_scores(np.vstack([predicted, [[5, 5, 5]]]), np.vstack([labels, [[np.nan] * 3]]), TARGETS,
                             resamples=50) == scores  # fmt: skip


def test_perfect_predictions() -> None:
    _, labels = random_values(missing=0.0)
    scores = regression_scores(labels, labels, TARGETS, resamples=50)
    assert scores["spearman"] == {"value": pytest.approx(1), "low": pytest.approx(1), "high": pytest.approx(1)}
    np.testing.assert_allclose(flat(scores), [[1, 80, 1, 1, 0, 0, 1]] * 3, atol=1e-12)


@pytest.mark.parametrize("constant", [0.1, 1e-200, 1e6 / 3])
def test_constants_correlate_with_nothing(constant: float) -> None:
    varied, still = np.linspace(0, 1, 37)[:, None], np.full((37, 1), constant)
    for predicted, labels in ((still, varied), (varied, still), (still, still)):
        scores = regression_scores(predicted, labels, ["energy"], resamples=20)
        figures = scores["by_target"]["energy"]
        assert scores["spearman"] == figures["spearman"] == {"value": 0.0, "low": 0.0, "high": 0.0}
        assert (figures["pearson"], figures["ccc"]) == (0.0, 0.0)
        assert (labels is varied) == (figures["r2"] != 0)
    assert regression_scores(varied, still, ["energy"])["by_target"]["energy"]["r2"] == 0.0


@pytest.mark.parametrize("clips", [1, 2, 3, 5])
def test_resamples_of_equal_clips_count_as_0(clips: int) -> None:
    values = np.arange(clips, dtype=float)[:, None]
    scores = regression_scores(values, values, ["energy"], resamples=3000)
    assert (scores["spearman"]["low"] is None) == (clips < 5)
    assert scores["spearman"]["value"] == pytest.approx(float(clips > 1))
    assert correlations(values, values, np.array([[4, *[0] * (clips - 1)]])).tolist() == [[0.0, 0.0]]
    json.dumps(scores, allow_nan=False)


def test_a_target_without_labels_is_left_out_of_the_mean() -> None:
    predicted, labels = random_values()
    labels[:, 1] = np.nan
    scores = regression_scores(predicted, labels, TARGETS, resamples=100)
    assert scores["by_target"]["energy"]["clips"] == 0
    assert not flat(scores)[1].any()
    two = regression_scores(predicted[:, ::2], labels[:, ::2], TARGETS[::2], resamples=100)
    assert scores["spearman"] == pytest.approx(two["spearman"])


def test_scores_are_plain_and_repeatable() -> None:
    predicted, labels = random_values(30)
    scores = regression_scores(predicted.astype(np.float32), labels, TARGETS)
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    assert list(scores["by_target"]) == TARGETS
    assert regression_scores(predicted.astype(np.float32), labels, TARGETS) == scores
    assert regression_scores(predicted.astype(np.float32), labels, TARGETS, seed=1) != scores


def test_a_diverged_model_is_named() -> None:
    predicted, labels = random_values(10)
    predicted[[2, 4], 1] = np.nan, np.inf
    with pytest.raises(TrainingError, match=r"2 of 10 predictions are not finite.*learning rate"):
        regression_scores(predicted, labels, TARGETS)


@pytest.mark.parametrize(
    ("predicted", "labels", "message"),
    [
        (np.ones((3, 3)), np.ones((2, 3)), r"\(3, 3\) and labels \(2, 3\) are not those of 3 targets"),
        (np.ones((3, 2)), np.ones((3, 2)), "are not those of 3 targets"),
        (np.ones((2, 3)), np.full((2, 3), np.nan), "none of the 2 clips has a label"),
        (np.ones((0, 3)), np.ones((0, 3)), "none of the 0 clips"),
        (np.ones((2, 3)), np.full((2, 3), np.inf), "infinite"),
    ],
)
def test_mismatched_input_is_refused(predicted: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        regression_scores(predicted, labels, TARGETS)


def test_predictions_too_small_to_square_do_not_end_in_nan() -> None:
    labels = np.linspace(0, 1, 37)[:, None]
    scores = regression_scores(labels * 1e-200, labels, ["energy"], resamples=20)
    assert scores["spearman"]["value"] == pytest.approx(1)
    assert (scores["by_target"]["energy"]["pearson"], scores["by_target"]["energy"]["ccc"]) == (0.0, 0.0)
