"""Scores of tags: macro average precision and macro area under the ROC curve with intervals, and figures a tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from music_affect.contracts.errors import TrainingError
from music_affect.contracts.ranking import FIGURES, macro, rankings, scorable
from music_affect.evaluation.intervals import Counts, Floats, Statistic, bootstrap
from music_affect.evaluation.units import units

_CHANCE = (0.0, 0.5)  # of a draw in which every tag is in all clips or in none


def tagging_scores(
    probabilities: ArrayLike,
    labels: ArrayLike,
    tags: Sequence[str],
    groups: Sequence[str | None] | None = None,
    *,
    without_seed: Sequence[NDArray[np.float64]] = (),
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Score the probabilities of tags against labels, tag by tag and as the mean over the tags.

    Macro figures equal those of ``sklearn.metrics`` over the tags that can be scored: those with a clip that has the
    tag and a clip that has not. A resample has the mean over those of them that can be scored in it.

    Args:
        probabilities: one row a clip, float [N, C].
        labels: 1 where the clip has the tag, else 0; NaN in the rows of clips without a label, float [N, C].
        tags: C names, in the order of the columns.
        groups: name of each clip's group, [N]; intervals then are over groups. None or empty names where there is none.
        without_seed: where several seeds are averaged, the probabilities without each of them, [N, C] a seed.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Returns:
        Plain containers, ready for json: ``clips`` with a label; ``intervals``, what they are over, how many of them,
        and how many seeds are drawn; ``average_precision`` and ``roc_auc``, each with ``value``, ``low``, ``high``,
        None where no tag can be scored; ``scored``, the number of tags that can; ``per_tag`` with both figures (None
        where it cannot be scored) and ``positives``, the clips that have the tag.

    Raises:
        TrainingError: a probability is not a finite number.
        ValueError: shapes disagree, or no clip has a label.
    """
    table, truth = np.asarray(probabilities, np.float64), np.asarray(labels, np.float64)
    there = known(truth)
    if table.shape != truth.shape or truth.shape[1:] != (len(tags),) or not there.any():
        raise ValueError(f"probabilities {table.shape} and labels {truth.shape} are not those of {len(tags)} tags")
    table, truth, others = table[there], truth[there], [found[there] for found in without_seed]
    broken = int((~np.isfinite(table)).any(axis=1).sum())
    if broken:
        raise TrainingError(
            f"{broken} of {len(truth)} predictions are not finite numbers",
            expected="a probability for every tag",
            fix="lower the learning rate, clip the gradients, or look for broken features among these clips",
        )
    of = [None] * len(there) if groups is None else groups
    drawn, columns = units([of[int(place)] for place in np.flatnonzero(there)]), scorable(truth)
    statistic, *left = (_statistic(found[:, columns], truth[:, columns]) for found in (table, *others))
    headlines = [dict.fromkeys(("value", "low", "high"))] * len(FIGURES)
    if columns.any():
        intervals = bootstrap(statistic, drawn, without_seed=left, resamples=resamples, seed=seed)
        headlines = [interval.to_dict() for interval in intervals]  # type: ignore[misc]
    each = rankings(table, truth)[0]
    return {
        "clips": len(truth),
        "intervals": drawn.to_dict() | {"seeds": len(without_seed)},
        **dict(zip(FIGURES, headlines, strict=True)),
        "scored": int(columns.sum()),
        "per_tag": {
            name: {
                **{key: _number(each[place, k]) for place, key in enumerate(FIGURES)},
                "positives": int(truth[:, k].sum()),
            }
            for k, name in enumerate(tags)
        },
    }


def known(labels: Floats) -> NDArray[np.bool_]:
    """Whether each clip has a label, [N], of rows of tags [N, C]."""
    return np.asarray(np.isfinite(labels).all(axis=1))


def headlines_of(probabilities: Floats, labels: Floats, counts: Counts) -> Floats:
    """Macro average precision and area under the ROC curve, [R, 2], of clips counted so often, [R, N]."""
    found = macro(rankings(probabilities, labels, counts))
    return np.where(np.isnan(found), _CHANCE, found)


def _statistic(probabilities: Floats, labels: Floats) -> Statistic:
    return lambda counts: headlines_of(probabilities, labels, counts)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
