from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from music_affect.contracts.errors import LabelError
from music_affect.contracts.spec import Continuous
from music_affect.evaluation.baselines.fitted import LinearMap, from_dict
from music_affect.evaluation.baselines.kernel import KernelReference
from music_affect.evaluation.baselines.linear import MeanReference, RidgeReference
from music_affect.evaluation.baselines.neighbours import NeighboursReference
from music_affect.evaluation.baselines.reference import Reference

FREE = Continuous(None, None)
KINDS: list[type[Reference]] = [MeanReference, RidgeReference, KernelReference, NeighboursReference]


def scaled(clips: int = 120, figures: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Clips whose label is linear in columns of very different scales, but for noise."""
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(clips, figures))
    values = 0.6 + 0.1 * columns[:, :5].sum(axis=1) + 0.05 * rng.normal(size=clips)
    return (columns * np.geomspace(1e-3, 1e4, figures) + 5).astype(np.float32), values


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_without_pickled_classes_carries_a_reference_unchanged(kind: type[Reference], tmp_path: Path) -> None:
    statistics, values = scaled()
    reference = kind().fit(statistics, values, FREE)
    torch.save(reference.to_dict(), tmp_path / "reference.pt")
    again = from_dict(torch.load(tmp_path / "reference.pt", weights_only=True), FREE)
    assert reference.predict(statistics).dtype == np.float64
    assert type(again) is type(reference)
    np.testing.assert_array_equal(again.predict(statistics), reference.predict(statistics))


@pytest.mark.parametrize("figures", [30, 400])
@pytest.mark.parametrize("penalty", [0.05, 0.5])
def test_ridge_equals_sklearn_on_standardised_statistics(figures: int, penalty: float) -> None:
    statistics, values = scaled(figures=figures)
    scaler = StandardScaler().fit(statistics[:90].astype(np.float64))
    inputs = scaler.transform(statistics.astype(np.float64))
    expected = Ridge(alpha=penalty * figures).fit(inputs[:90], values[:90]).predict(inputs)
    found = RidgeReference([penalty]).fit(statistics[:90], values[:90], FREE).predict(statistics)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_ridge_is_linear_in_the_statistics() -> None:
    statistics, values = scaled()
    fitted = RidgeReference().fit(statistics, values, FREE)
    assert isinstance(fitted, LinearMap)
    weights = fitted.weights[0] / fitted.scale
    by_hand = statistics.astype(np.float64) @ weights + fitted.bias[0] - fitted.mean @ weights
    np.testing.assert_allclose(fitted.predict(statistics), by_hand)


def test_ridge_follows_the_units_of_its_labels() -> None:
    statistics, values = scaled()
    found = RidgeReference().fit(statistics, values, FREE).predict(statistics)
    moved = RidgeReference().fit(statistics, 100 * values - 7, FREE).predict(statistics)
    np.testing.assert_allclose(moved, 100 * found - 7)


def test_ridge_learns_and_survives_constant_columns() -> None:
    statistics, values = scaled()
    statistics = np.hstack([statistics, np.full((120, 2), -80.1, np.float32)])
    reference = RidgeReference().fit(statistics[:80], values[:80], FREE)
    assert spearmanr(reference.predict(statistics[80:]), values[80:])[0] > 0.8
    moved = statistics[80:].copy()
    moved[:, -2:] += 1e-4
    np.testing.assert_allclose(reference.predict(moved), reference.predict(statistics[80:]), atol=1e-3)


def test_ridge_of_constant_labels_answers_with_them() -> None:
    statistics, _ = scaled()
    found = RidgeReference().fit(statistics, np.full(120, 0.25), FREE).predict(statistics)
    np.testing.assert_allclose(found, 0.25)


def test_ridge_stays_inside_its_scale() -> None:
    statistics, values = scaled()
    low, high = np.quantile(values, [0.2, 0.9])
    free, half, ended = (
        RidgeReference().fit(statistics, values, Continuous(*ends))
        for ends in ((None, None), (low, None), (float(low), float(high)))
    )
    answers = free.predict(statistics)
    assert (answers < low).any()
    assert (answers > high).any()
    np.testing.assert_array_equal(half.predict(statistics), np.maximum(answers, low))
    again = from_dict(ended.to_dict(), ended.target)
    np.testing.assert_array_equal(again.predict(statistics), np.clip(answers, low, high))


def test_mean_answers_with_the_mean_of_its_labels() -> None:
    reference = MeanReference().fit(np.zeros((3, 4), np.float32), np.array([0.0, 0.5, 1.0]), FREE)
    np.testing.assert_array_equal(reference.predict(np.ones((2, 4), np.float32)), [0.5, 0.5])


@pytest.mark.parametrize("kind", KINDS)
def test_a_scale_without_training_labels_is_refused(kind: type[Reference]) -> None:
    with pytest.raises(LabelError, match=r"no training clip has this label.*leave the target out"):
        kind().fit(np.zeros((0, 4), np.float32), np.zeros(0), FREE)
