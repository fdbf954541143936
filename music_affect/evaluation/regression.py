"""Scores of values on scales: Spearman correlation with intervals, and figures a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bottleneck
import numpy as np
from numpy.typing import ArrayLike, NDArray

from music_affect.contracts.errors import TrainingError
from music_affect.evaluation.intervals import Interval, bootstrap

Floats = NDArray[np.float64]


def regression_scores(
    predicted: ArrayLike, labels: ArrayLike, targets: Sequence[str], *, resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Score predicted values against labels, target by target and as the mean of the Spearman correlations.

    A target is scored over the clips that carry its label. A correlation with something constant is 0: who answers
    the same every time has ranked nothing. A target that no clip carries counts no clips, its figures are 0, and the
    mean is taken without it. The same rules hold inside each bootstrap resample; all targets share the resamples, so
    that the interval of the mean knows how they move together.

    Args:
        predicted: one row a clip, one column a target, float [N, K].
        labels: true values, NaN where a clip carries no label, float [N, K].
        targets: K names, in the order of the columns.
        resamples: bootstrap resamples, over the clips with at least one label.
        seed: of the bootstrap.

    Returns:
        Plain containers, ready for json: ``clips`` (with at least one label); ``spearman``, the mean over targets,
        with ``value``, ``low``, ``high``; ``by_target`` with ``clips``, ``spearman`` (again with its interval),
        ``pearson``, ``r2`` (0 where the labels are constant), ``mae``, ``rmse`` and ``ccc`` by name.

    Raises:
        TrainingError: a prediction is not a finite number.
        ValueError: shapes disagree, no clip has a label, or a label is infinite.

    Reference:
        Lin, A concordance correlation coefficient to evaluate reproducibility, Biometrics, 1989 (``ccc``).
    """
    values, truth = _checked(np.asarray(predicted, np.float64), np.asarray(labels, np.float64), len(targets))
    labelled = ~np.isnan(truth).all(axis=1)
    values, truth = values[labelled], truth[labelled]

    def statistic(index: NDArray[np.int64]) -> Floats:
        return correlations(values, truth, index)

    mean, *each = bootstrap(statistic, len(truth), resamples=resamples, seed=seed)
    return {
        "clips": len(truth),
        "spearman": mean.to_dict(),
        "by_target": {name: _figures(values[:, k], truth[:, k], each[k]) for k, name in enumerate(targets)},
    }


def _checked(predicted: Floats, labels: Floats, num_targets: int) -> tuple[Floats, Floats]:
    if predicted.shape != labels.shape or labels.ndim != 2 or labels.shape[1] != num_targets:
        raise ValueError(
            f"predictions {predicted.shape} and labels {labels.shape} are not those of {num_targets} targets"
        )
    if np.isnan(labels).all():
        raise ValueError(f"none of the {len(labels)} clips has a label")
    if np.isinf(labels).any():
        raise ValueError("a label is infinite")
    broken = int((~np.isfinite(predicted)).any(axis=1).sum())
    if broken:
        raise TrainingError(
            f"{broken} of {len(labels)} predictions are not finite numbers",
            expected="a value for every target",
            fix="lower the learning rate, clip the gradients, or look for broken features among these clips",
        )
    return predicted, labels


def correlations(predicted: Floats, labels: Floats, index: NDArray[np.int64]) -> Floats:
    """Mean Spearman correlation, then that of each target, [R, 1 + K], of the clips drawn, [R, n]."""
    targets = range(labels.shape[1])
    each = np.stack([_spearman(predicted[:, k][index], labels[:, k][index]) for k in targets], axis=1)
    carried = np.stack([(~np.isnan(labels[:, k]))[index].any(axis=1) for k in targets], axis=1)
    mean = each.sum(axis=1) / carried.sum(axis=1)  # 0 where not carried
    return np.column_stack([mean, each])


def _spearman(predicted: Floats, labels: Floats) -> Floats:
    """Spearman correlation in each row, [R, n] to [R]; ties share the mean of their ranks, NaN labels are left out."""
    missing = np.isnan(labels)
    # The mean of ranks 1 … n is known without rounding, so that constants come out as exactly 0.
    middle = (1 + (~missing).sum(axis=1, keepdims=True)) / 2
    ranked = (bottleneck.nanrankdata(np.where(missing, np.nan, row), axis=1) - middle for row in (predicted, labels))
    x, y = (np.where(missing, 0.0, ranks) for ranks in ranked)
    spread = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    correlation: Floats = np.divide((x * y).sum(axis=1), spread, out=np.zeros(len(spread)), where=spread > 0)
    return correlation


def _figures(predicted: Floats, labels: Floats, spearman: Interval) -> dict[str, Any]:
    """All figures of one target, [N] against [N] with NaN."""
    there = ~np.isnan(labels)
    x, y = predicted[there], labels[there]
    figures = dict.fromkeys(("pearson", "r2", "mae", "rmse", "ccc"), 0.0)
    if len(y):
        pearson, r2, ccc = _agreement(x, y)
        error = x - y
        mae, rmse = np.abs(error).mean(), np.sqrt((error * error).mean())
        figures = {"pearson": pearson, "r2": r2, "mae": float(mae), "rmse": float(rmse), "ccc": ccc}
    return {"clips": len(y), "spearman": spearman.to_dict(), **figures}


def _agreement(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Pearson correlation, R2 and concordance of predictions x with labels y, [N], N >= 1."""
    spread_x, spread_y = float(x.std()), float(y.std())
    # Equality decides what is constant: the mean of equal numbers may differ from them by rounding.
    moves, varied = np.ptp(x) > 0 and spread_x > 0, np.ptp(y) > 0 and spread_y > 0
    r2 = 1 - ((x - y) ** 2).mean() / spread_y**2 if varied else 0.0
    if not (moves and varied):
        return 0.0, float(r2), 0.0
    pearson = np.clip(((x - x.mean()) / spread_x * ((y - y.mean()) / spread_y)).mean(), -1, 1)
    ccc = 2 * pearson * spread_x * spread_y / (spread_x**2 + spread_y**2 + (x.mean() - y.mean()) ** 2)
    return float(pearson), float(r2), float(ccc)
