"""Whether probabilities and values mean what they say: calibration of classes and of scales."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.evaluation.intervals import Floats
from music_affect.evaluation.units import Units

BINS = 15  # equally wide; Guo et al., On calibration of modern neural networks, ICML 2017
LEVEL = 0.9  # of the intervals around predicted values
_HALVINGS = 20  # of the groups, over which the share of labels inside of the other half's intervals is averaged
_SIMULATED = 1000
_ENTRIES_A_CHUNK = 1_000_000


def class_calibration(probabilities: Floats, labels: NDArray[np.int64], *, seed: int = 0) -> dict[str, Any]:
    """How far the probability of the predicted class is from the share of clips in which that class is right.

    With few clips the expected calibration error of a perfect model is far from 0, so it stands beside what such a
    model would show: labels are drawn from the probabilities themselves, clip by clip.

    Args:
        probabilities: one row a clip, float [N, C]; rows that do not sum to 1 are scaled.
        labels: index of the true class, int [N].
        seed: of the simulated labels.

    Returns:
        ``brier``, from 0 to 2; ``ece``, with ``value``, the mean of a calibrated model (``calibrated``) and the value
        that 95 % of its test parts stay below (``limit``); ``reliability``, mean ``confidence``, ``accuracy`` and
        ``clips`` of each bin that holds any.

    Reference:
        Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review, 1950. Vaicenavicius
        et al., Evaluating model calibration in classification, AISTATS 2019 (simulated labels).
    """
    shares = probabilities / np.maximum(probabilities.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    confidence, correct = shares.max(axis=1), shares.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    members = (bins[:, None] == np.arange(BINS)).astype(np.float64)
    simulated, generator = [], np.random.default_rng(seed)
    for start in range(0, _SIMULATED, rows := max(1, _ENTRIES_A_CHUNK // len(labels))):
        chances = generator.random((min(rows, _SIMULATED - start), len(labels)))
        simulated.append(_calibration_error((chances < confidence) - confidence, members))
    calibrated = np.concatenate(simulated)
    counts = members.sum(axis=0)
    return {
        "brier": float(((shares - np.eye(shares.shape[1])[labels]) ** 2).sum(axis=1).mean()),
        "ece": {
            "value": float(_calibration_error((correct - confidence)[None], members)[0]),
            "calibrated": float(calibrated.mean()),
            "limit": float(np.quantile(calibrated, 0.95)),
        },
        "reliability": [
            {
                "confidence": float(confidence[bins == place].mean()),
                "accuracy": float(correct[bins == place].mean()),
                "clips": int(counts[place]),
            }
            for place in np.flatnonzero(counts)
        ],
    }


def scale_calibration(predicted: Floats, labels: Floats, drawn: Units, *, seed: int = 0) -> dict[str, Any]:
    """Whether values on a scale are as far apart as the labels, and how wide an interval around them has to be.

    Args:
        predicted: values of clips that carry the label, [N].
        labels: true values, [N].
        drawn: the groups of these clips, by which they are halved.
        seed: of the halvings.

    Returns:
        ``slope`` of the regression of labels on predictions: 1 where a difference in the predictions is as large in the
        labels on average, less where predictions are too far apart; ``spread``, the standard deviation of the
        predictions over that of the labels, at most the correlation where the slope is 1 or more; both 0 where
        nothing moves. ``conformal``, intervals of one half of the groups tried on the other.
    """
    # Equality decides what is constant: the mean of equal numbers may differ from them by rounding.
    moved, varied = (float(one.std()) if len(one) and np.ptp(one) > 0 else 0.0 for one in (predicted, labels))
    return {
        "slope": float(np.cov(predicted, labels, bias=True)[0, 1]) / moved**2 if moved**2 > 0 else 0.0,
        "spread": moved / varied if varied > 0 else 0.0,
        "conformal": _halved(np.abs(predicted - labels), drawn, seed),
    }


def conformal(calibration: Floats, tested: Floats) -> dict[str, Any]:
    """An interval around every prediction that holds 90 % of the labels, from errors on clips that are not tested.

    Args:
        calibration: absolute errors that decide how wide it is, [N].
        tested: absolute errors on other clips, on which it is tried, [M].

    Returns:
        ``half_width`` and ``coverage``, the share of the tested labels within it; None where too few clips decide or
        none is tested.

    Reference:
        Lei et al., Distribution-free predictive inference for regression, JASA, 2018 (split conformal).
    """
    rank = math.ceil((len(calibration) + 1) * LEVEL)
    if rank > len(calibration) or not len(tested):
        return {"half_width": None, "coverage": None}
    half_width = float(np.sort(calibration)[rank - 1])
    return {"half_width": half_width, "coverage": float((tested <= half_width).mean())}


def _halved(errors: Floats, drawn: Units, seed: int) -> dict[str, Any]:
    """The mean over halvings: each half of the groups decides for the other."""
    generator, found = np.random.default_rng(seed), []
    for _ in range(_HALVINGS):
        first = generator.permutation(drawn.count)[: drawn.count // 2]
        there = np.isin(drawn.of, first)
        found += [conformal(errors[there], errors[~there]), conformal(errors[~there], errors[there])]
    if any(one["half_width"] is None for one in found):
        return {"half_width": None, "coverage": None, "from": "test"}
    means = {name: float(np.mean([one[name] for one in found])) for name in ("half_width", "coverage")}
    return {**means, "from": "test"}


def _calibration_error(off: Floats, members: Floats) -> Floats:
    """Expected calibration error, [R], of correctness less confidence, [R, N], in bins with members [N, B]."""
    return np.asarray(np.abs(off @ members).sum(axis=1) / off.shape[1], np.float64)
