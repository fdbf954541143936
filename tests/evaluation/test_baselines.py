from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from music_affect.contracts.spec import Categorical
from music_affect.evaluation.baselines.fitted import from_dict
from music_affect.evaluation.baselines.linear import LinearReference, MajorityReference
from music_affect.evaluation.baselines.neighbours import NeighboursReference
from music_affect.evaluation.baselines.reference import Reference

GENRES, THREE = Categorical(tuple("abcde")), Categorical(tuple("abc"))
KINDS: list[type[Reference]] = [LinearReference, MajorityReference, NeighboursReference]


def blobs(classes: tuple[int, ...], clips: int = 120, figures: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Clips around one centre a class, on columns of very different scales."""
    rng = np.random.default_rng(0)
    labels = rng.choice(classes, clips)
    centres = rng.normal(size=(max(classes) + 1, figures))
    scales = np.geomspace(1e-3, 1e4, figures)
    return ((centres[labels] + rng.normal(size=(clips, figures))) * scales + 5).astype(np.float32), labels


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [(2,), (1, 3), (0, 1, 3)])
def test_absent_classes_get_no_probability(kind: type[Reference], classes: tuple[int, ...]) -> None:
    statistics, labels = blobs(classes)
    probabilities = kind().fit(statistics, labels, GENRES).predict(statistics)
    assert probabilities.shape == (120, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    absent = [c for c in range(5) if c not in classes]
    assert not probabilities[:, absent].any()
    assert (probabilities[:, list(classes)] > 0).all() or kind is NeighboursReference


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_without_pickled_classes_carries_a_reference_unchanged(kind: type[Reference], tmp_path: Path) -> None:
    statistics, labels = blobs((0, 1, 3))
    reference = kind().fit(statistics, labels, GENRES)
    torch.save(reference.to_dict(), tmp_path / "reference.pt")
    again = from_dict(torch.load(tmp_path / "reference.pt", weights_only=True), GENRES)
    assert type(again) is type(reference)
    np.testing.assert_array_equal(again.predict(statistics), reference.predict(statistics))


@pytest.mark.parametrize("weight", ["balanced", None])
@pytest.mark.parametrize("classes", [(0, 1), (0, 1, 2)])
def test_linear_equals_sklearn_on_standardised_statistics(weight: str | None, classes: tuple[int, ...]) -> None:
    statistics, labels = blobs(classes)
    keep = np.flatnonzero((labels > 0) | (np.arange(120) % 4 == 0))  # unequal classes
    statistics, labels = statistics[keep], labels[keep]
    standardised = StandardScaler().fit_transform(statistics.astype(np.float64))
    expected = LogisticRegression(C=0.01, class_weight=weight, max_iter=1000).fit(standardised, labels)
    found = LinearReference([0.01], class_weight=weight).fit(
        statistics, labels, Categorical(GENRES.classes[: len(classes)])
    )
    np.testing.assert_allclose(found.predict(statistics), expected.predict_proba(standardised), atol=5e-3)


def test_linear_learns_and_survives_constant_columns() -> None:
    statistics, labels = blobs((0, 1, 2))
    statistics = np.hstack([statistics, np.full((120, 2), -80.1, np.float32)])
    reference = LinearReference().fit(statistics[:80], labels[:80], THREE)
    assert (reference.predict(statistics[80:]).argmax(axis=1) == labels[80:]).mean() > 0.9
    moved = statistics[80:].copy()
    moved[:, -2:] += 1e-4
    np.testing.assert_allclose(reference.predict(moved), reference.predict(statistics[80:]), atol=1e-3)


def test_linear_converges_where_statistics_outnumber_clips() -> None:
    rng = np.random.default_rng(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LinearReference().fit(rng.normal(size=(100, 800)).astype(np.float32), rng.integers(0, 4, 100), GENRES)


def test_majority_answers_with_the_training_shares() -> None:
    reference = MajorityReference().fit(np.zeros((4, 3), np.float32), np.array([2, 2, 2, 0]), THREE)
    np.testing.assert_allclose(reference.predict(np.ones((2, 3), np.float32)), [[0.25, 0, 0.75]] * 2)
