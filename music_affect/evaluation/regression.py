"""Scores of values on scales: Spearman correlation with intervals, and figures a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from music_affect.contracts.errors import TrainingError
from music_affect.evaluation.calibration import scale_calibration
from music_affect.evaluation.intervals import Counts, Floats, Interval, Statistic, bootstrap
from music_affect.evaluation.units import units


def regression_scores(
    predicted: ArrayLike,
    labels: ArrayLike,
    targets: Sequence[str],
    groups: Sequence[str | None] | None = None,
    *,
    without_seed: Sequence[Floats] = (),
    resamples: int = 1000,
    seed: int = 0,
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
        groups: name of each clip's group, [N]; intervals then are over groups. None or empty names where there is none.
        without_seed: where several seeds are averaged, the values without each of them, [N, K] a seed.
        resamples: bootstrap resamples, over the clips with at least one label.
        seed: of the bootstrap.

    Returns:
        Plain containers, ready for json: ``clips`` (with at least one label); ``intervals``, what they are over, how
        many of them, and how many seeds are drawn; ``spearman``, the mean over targets, with ``value``, ``low``,
        ``high``; ``by_target`` with ``clips``, ``spearman`` (again with its interval), ``pearson``, ``r2`` (0 where the
        labels are constant), ``mae``, ``rmse`` and ``ccc`` by name, and what ``scale_calibration`` gives.

    Raises:
        TrainingError: a prediction is not a finite number.
        ValueError: shapes disagree, no clip has a label, or a label is infinite.

    Reference:
        Lin, A concordance correlation coefficient to evaluate reproducibility, Biometrics, 1989 (``ccc``).
    """
    values, truth = _checked(np.asarray(predicted, np.float64), np.asarray(labels, np.float64), len(targets))
    labelled = (~np.isnan(truth)).any(axis=1)
    of = [None] * len(truth) if groups is None else groups
    drawn = units([of[int(place)] for place in np.flatnonzero(labelled)])
    statistic, *others = (_correlations(found[labelled], truth[labelled]) for found in (values, *without_seed))
    mean, *each = bootstrap(
        statistic, drawn, without_seed=others, lowest=-1.0, resamples=resamples, seed=seed
    )  # fmt: skip
    return {
        "clips": int(labelled.sum()),
        "intervals": drawn.to_dict() | {"seeds": len(without_seed)},
        "spearman": mean.to_dict(),
        "by_target": {name: _figures(values[:, k], truth[:, k], each[k], of) for k, name in enumerate(targets)},
    }


def columns(by_name: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Floats:
    """Values of several targets side by side, [N, K]."""
    return np.stack([by_name[name] for name in names], axis=1)


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


def correlations(predicted: Floats, labels: Floats, counts: Counts) -> Floats:
    """Mean Spearman correlation, then that of each target, [R, 1 + K], of clips counted so often, [R, N]."""
    there = ~np.isnan(labels)
    pairs = [(predicted[own, k], labels[own, k], counts[:, own]) for k, own in enumerate(there.T)]
    each = np.stack([_spearman(*pair) for pair in pairs], axis=1)
    carried = np.stack([own.any(axis=1) for _, _, own in pairs], axis=1)
    mean = each.sum(axis=1) / np.maximum(carried.sum(axis=1), 1)  # 0 where not carried
    return np.column_stack([mean, each])


def _correlations(predicted: Floats, labels: Floats) -> Statistic:
    return lambda counts: correlations(predicted, labels, counts)


def _spearman(predicted: Floats, labels: Floats, counts: Counts) -> Floats:
    """Spearman correlation of clips [N] counted so often, [R, N], to [R]: Pearson's of the centred midranks."""
    x, y = _centred_ranks(predicted, counts), _centred_ranks(labels, counts)
    spread = np.sqrt((counts * x * x).sum(axis=1) * (counts * y * y).sum(axis=1))
    correlation: Floats = np.divide((counts * x * y).sum(axis=1), spread, out=np.zeros(len(spread)), where=spread > 0)
    return correlation


def _centred_ranks(values: Floats, counts: Counts) -> Floats:
    """Twice the midrank less the mean rank, [R, N], among values [N] that stand there as often as counted, [R, N].

    It is the number of those below less the number of those above, which is whole, so that constants come out as 0.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    upto = np.pad(counts[:, order].cumsum(axis=1), ((0, 0), (1, 0)))
    below, not_above = (upto[:, np.searchsorted(ordered, values, side)] for side in ("left", "right"))
    return np.asarray(below + not_above - upto[:, -1:], np.float64)


def _figures(predicted: Floats, labels: Floats, spearman: Interval, groups: Sequence[str | None]) -> dict[str, Any]:
    """All figures of one target, [N] against [N] with NaN."""
    there = ~np.isnan(labels)
    x, y = predicted[there], labels[there]
    figures = dict.fromkeys(("pearson", "r2", "mae", "rmse", "ccc"), 0.0)
    if len(y):
        pearson, r2, ccc = _agreement(x, y)
        error = x - y
        mae, rmse = np.abs(error).mean(), np.sqrt((error * error).mean())
        figures = {"pearson": pearson, "r2": r2, "mae": float(mae), "rmse": float(rmse), "ccc": ccc}
    own = units([groups[int(place)] for place in np.flatnonzero(there)])
    return {"clips": len(y), "spearman": spearman.to_dict(), **figures, **scale_calibration(x, y, own)}


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
