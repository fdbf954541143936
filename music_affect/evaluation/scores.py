"""Scores of a classification: macro F1, weighted F1 and accuracy with intervals, and figures a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from music_affect.contracts.confusion import HEADLINES, confusions, headlines, ratio
from music_affect.contracts.errors import TrainingError
from music_affect.contracts.spec import Categorical, Continuous, Tags, Target
from music_affect.evaluation.calibration import class_calibration
from music_affect.evaluation.intervals import Statistic, bootstrap
from music_affect.evaluation.regression import columns, regression_scores
from music_affect.evaluation.tagging import tagging_scores
from music_affect.evaluation.units import units
from music_affect.runs.predictions import Predictions


def classification_scores(
    probabilities: ArrayLike,
    labels: ArrayLike,
    classes: Sequence[str],
    groups: Sequence[str | None] | None = None,
    *,
    without_seed: Sequence[NDArray[np.float64]] = (),
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Score predictions against labels; the most probable class is the prediction.

    Macro F1 is the plain mean over the classes that occur among the labels: it equals ``sklearn.metrics.f1_score`` with
    these classes as ``labels``. A resample in which no clip of a class was drawn has the mean over the others: that
    depends on the draw alone, so it is the same for every model, and where a class is rare its intervals hold the
    truth more often than those of counting 0 (``benchmarks.coverage``).

    Args:
        probabilities: one row a clip, float [N, C]; rows need not sum to 1.
        labels: index of the true class, int [N].
        classes: C names, in the order of the columns.
        groups: name of each clip's group, [N]; intervals then are over groups. None or empty names where there is none.
        without_seed: where several seeds are averaged, the probabilities without each of them, [N, C] a seed.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Returns:
        Plain containers, ready for json: ``clips``; ``intervals``, what they are over, how many of them, and how many
        seeds are drawn; ``f1_macro``, ``f1_weighted`` and ``accuracy``, each with ``value``, ``low``, ``high``;
        ``per_class`` with ``precision``, ``recall``, ``f1``, ``support`` by name; ``confusion``, true classes in rows,
        predicted ones in columns; what ``class_calibration`` gives.

    Raises:
        TrainingError: a probability is not a finite number.
        ValueError: shapes disagree, there is no clip, or a label is no class.
    """
    table, truth = _checked(np.asarray(probabilities, np.float64), np.asarray(labels), len(classes))
    statistic, *others = (_headlines(truth, found.argmax(axis=1), len(classes)) for found in (table, *without_seed))
    drawn = units([None] * len(truth) if groups is None else groups)
    intervals = bootstrap(statistic, drawn, without_seed=others, resamples=resamples, seed=seed)
    confusion = confusions(truth, table.argmax(axis=1), len(classes))[0]
    return {
        "clips": len(truth),
        "intervals": drawn.to_dict() | {"seeds": len(without_seed)},
        **{name: interval.to_dict() for name, interval in zip(HEADLINES, intervals, strict=True)},
        "per_class": _per_class(confusion, classes),
        "confusion": confusion.tolist(),
        **class_calibration(table, truth, seed=seed),
    }


def scores_of(
    predictions: Predictions,
    labels: Mapping[str, NDArray[Any]],
    targets: Mapping[str, Target],
    groups: Sequence[str | None],
    without_seed: Sequence[Predictions] = (),
) -> dict[str, Any]:
    """Score every label over the clips that carry it.

    Args:
        predictions: by label, probabilities of classes or of tags [N, C], or values [N].
        labels: by label, class indices with -1 where missing, or values with NaN where missing, [N]; of tags [N, C].
        targets: what the labels are.
        groups: name of each clip's group, [N].
        without_seed: where several seeds are averaged, the predictions without each of them.

    Returns:
        ``classification``, ``regression`` and ``tagging``, each where the targets hold such a label.
    """
    found: dict[str, Any] = {}
    for name, kind in targets.items():
        if isinstance(kind, Categorical):
            there = labels[name] >= 0
            of = [groups[int(place)] for place in np.flatnonzero(there)]
            others = [each[name][there] for each in without_seed]
            scores = classification_scores(
                predictions[name][there], labels[name][there], kind.classes, of, without_seed=others
            )
            found["classification"] = {**scores, "target": name}
        if isinstance(kind, Tags):
            others = [each[name] for each in without_seed]
            scores = tagging_scores(predictions[name], labels[name], kind.names, groups, without_seed=others)
            found["tagging"] = {**scores, "target": name}
    names = [name for name, kind in targets.items() if isinstance(kind, Continuous)]
    if names:
        values, truth, *others = (columns(each, names) for each in (predictions, labels, *without_seed))
        found["regression"] = regression_scores(values, truth, names, groups, without_seed=others)
    return found


def _headlines(truth: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> Statistic:
    return lambda counts: headlines(confusions(truth, predicted, num_classes, counts))


def _checked(
    probabilities: NDArray[np.float64], labels: NDArray[Any], num_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if probabilities.shape != (len(labels), num_classes) or labels.ndim != 1 or len(labels) == 0:
        raise ValueError(
            f"probabilities {probabilities.shape} and labels {labels.shape} are not those of {num_classes} classes"
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"labels run from {labels.min()} to {labels.max()}, there are {num_classes} classes")
    broken = int((~np.isfinite(probabilities)).any(axis=1).sum())
    if broken:
        raise TrainingError(
            f"{broken} of {len(labels)} predictions are not finite numbers",
            expected="a probability for every class",
            fix="lower the learning rate, clip the gradients, or look for broken features among these clips",
        )
    return probabilities, labels.astype(np.int64)


def _per_class(confusion: NDArray[np.int64], classes: Sequence[str]) -> dict[str, dict[str, float | int]]:
    hits, support, predicted = np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    figures = {"precision": ratio(hits, predicted), "recall": ratio(hits, support)}
    figures["f1"] = ratio(2 * hits, support + predicted)
    return {
        name: {**{figure: float(values[i]) for figure, values in figures.items()}, "support": int(support[i])}
        for i, name in enumerate(classes)
    }
