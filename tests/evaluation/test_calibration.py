"""Calibration against scikit-learn, against models that are calibrated by construction, and in the report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from music_affect.evaluation.calibration import class_calibration, conformal, scale_calibration
from music_affect.evaluation.calibration_report import draw_reliability
from music_affect.evaluation.run_report import write_report
from music_affect.evaluation.units import units


def answers(clips: int, sharpened: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of four classes and labels drawn from them; sharpened probabilities are too sure."""
    rng = np.random.default_rng(seed)
    true = rng.dirichlet(np.full(4, 0.7), clips)
    labels = (rng.random((clips, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(max=3)
    sure = true**sharpened
    return sure / sure.sum(axis=1, keepdims=True), labels


def test_bins_and_brier_score_equal_sklearn() -> None:
    probabilities, labels = answers(400, 2.0)
    found = class_calibration(probabilities, labels)
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    right, claimed = calibration_curve(correct, confidence, n_bins=15)
    bins = found["reliability"]
    assert [one["accuracy"] for one in bins] == pytest.approx(right)
    assert [one["confidence"] for one in bins] == pytest.approx(claimed)
    weights = np.array([one["clips"] for one in bins]) / 400
    assert found["ece"]["value"] == pytest.approx(float(weights @ np.abs(right - claimed)))
    assert found["brier"] == pytest.approx(
        brier_score_loss(labels, probabilities, labels=range(4), scale_by_half=False)
    )
    assert json.loads(json.dumps(found)) == found


def test_a_calibrated_model_is_above_its_limit_about_once_in_twenty() -> None:
    found = [class_calibration(*answers(150, seed=seed))["ece"] for seed in range(200)]
    assert np.mean([one["value"] for one in found]) == pytest.approx(
        np.mean([one["calibrated"] for one in found]), rel=0.05
    )
    assert 0.02 <= np.mean([one["value"] > one["limit"] for one in found]) <= 0.09
    sure = class_calibration(*answers(150, 3.0))["ece"]
    assert sure["value"] > 2 * sure["limit"]


def test_chunks_do_not_change_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = class_calibration(*answers(50))
    monkeypatch.setattr("music_affect.evaluation.calibration._ENTRIES_A_CHUNK", 3333)
    assert class_calibration(*answers(50))["ece"] == pytest.approx(whole["ece"])


def test_slope_and_spread_are_those_of_a_regression_of_labels_on_predictions() -> None:
    rng = np.random.default_rng(0)
    labels = rng.normal(size=200)
    predicted = 3 * labels + rng.normal(size=200)
    found = scale_calibration(predicted, labels, units([None] * 200))
    assert found["slope"] == pytest.approx(stats.linregress(predicted, labels).slope)
    assert found["spread"] == pytest.approx(predicted.std() / labels.std())
    still = scale_calibration(np.full(200, 0.1), labels, units([None] * 200))
    assert (still["slope"], still["spread"]) == (0.0, 0.0)
    empty = scale_calibration(np.zeros(0), np.zeros(0), units([]))
    assert empty == {"slope": 0.0, "spread": 0.0, "conformal": {"half_width": None, "coverage": None, "from": "test"}}


def test_intervals_around_predictions_hold_nine_labels_of_ten() -> None:
    rng = np.random.default_rng(0)
    errors = [np.abs(rng.normal(size=(2, 60))) for _ in range(300)]
    assert np.mean([conformal(*pair)["coverage"] for pair in errors]) == pytest.approx(0.9 + 0.1 / 61, abs=0.01)
    assert conformal(np.arange(19.0), np.arange(30.0)) == {"half_width": 17.0, "coverage": 0.6}  # rank 18 of 19
    assert conformal(np.arange(8.0), np.arange(30.0)) == {"half_width": None, "coverage": None}


def test_halves_never_share_a_group() -> None:
    rng = np.random.default_rng(1)
    names = [f"artist {place // 10}" for place in range(300)]
    shared = np.repeat(rng.normal(size=30), 10)  # errors of an artist are alike, so that clips would tell too little
    found = scale_calibration(shared, np.zeros(300), units(names))["conformal"]
    alone = scale_calibration(shared, np.zeros(300), units([None] * 300))["conformal"]
    assert found["coverage"] < alone["coverage"]
    assert found["coverage"] == pytest.approx(0.9, abs=0.08)


def test_a_report_says_it_of_both_kinds(joint_run: Callable[..., Path]) -> None:
    text = write_report(joint_run()).read_text()
    section = re.split(r"^## ", text.partition("## Calibration\n")[2], maxsplit=1, flags=re.M)[0]
    assert re.search(r"^\| \*\*ast\*\* \| \d\.\d{3} \| \d\.\d{3} \| \d\.\d{3} \| \d\.\d{3} \|$", section, re.M)
    assert re.search(r"^\| linear \|", section, re.M)
    assert "| valence | 0.500 | 0.750 | ± 0.3 | 87.5% |" in section
    assert "from errors on the validation part" in section


def test_a_point_of_the_picture_is_a_bin() -> None:
    bins = class_calibration(*answers(100))["reliability"]
    figure: Figure = draw_reliability(bins, "a run")
    points = figure.axes[0].collections[0].get_offsets()
    assert np.asarray(points) == pytest.approx(np.array([[one["confidence"], one["accuracy"]] for one in bins]))
    assert [text.get_text() for text in figure.axes[0].texts] == [str(one["clips"]) for one in bins]
