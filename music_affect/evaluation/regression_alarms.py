"""What makes a good-looking correlation worthless, in one line each: collapse, chance, overfitting, too few labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from music_affect.evaluation.alarms import Alarm, below_linear, train_val_gap
from music_affect.evaluation.tables import with_interval

NARROWEST = 0.1  # spread of the predictions, as a share of that of the labels
FEWEST_LABELS = 30  # in the test part: below, the interval of a correlation of 0 reaches past ±.36

Scores = Mapping[str, Any]


def regression_alarms(
    scores: Scores,
    predicted: ArrayLike,
    labels: ArrayLike,
    *,
    majority: Scores,
    linear: Scores,
    train_spearman: float | None = None,
    val_spearman: float | None = None,
) -> list[Alarm]:
    """Alarms over the scores of a finished run.

    Args:
        scores: ``regression_scores`` of the model on the test clips.
        predicted: the model's values on these clips, columns in the order of ``by_target``, float [N, K].
        labels: true values, NaN where a clip carries no label, float [N, K].
        majority: scores of answering with the mean of the training labels.
        linear: scores of the linear reference.
        train_spearman: mean Spearman correlation on the training clips, None where not measured.
        val_spearman: the same on the val clips, None where not measured.
    """
    raised = [
        collapse(list(scores["by_target"]), predicted, labels),
        not_above_chance(scores, majority),
        below_linear(scores, linear, "spearman"),
        few_labels(scores),
    ]
    if train_spearman is not None and val_spearman is not None:
        raised.append(train_val_gap(train_spearman, val_spearman, "spearman"))
    return [alarm for alarm in raised if alarm]


def collapse(targets: list[str], predicted: ArrayLike, labels: ArrayLike) -> Alarm | None:
    """The predictions of a target hardly move, though its labels do."""
    values, truth = np.asarray(predicted, np.float64), np.asarray(labels, np.float64)
    still = []
    for k, name in enumerate(targets):
        there = ~np.isnan(truth[:, k])
        moved, varied = (float(column[there, k].std()) if there.any() else 0.0 for column in (values, truth))
        if moved < NARROWEST * varied:
            still.append(f"{name} (standard deviation {moved:.3g}, of the labels {varied:.3g})")
    if not still:
        return None
    return Alarm(
        "collapse",
        f"the predictions hardly move: {', '.join(still)}. The model answers the same whatever the music. Look at the "
        "learning curves (does the training loss fall?), the learning rate and the standardisation of the features.",
    )


def not_above_chance(scores: Scores, majority: Scores) -> Alarm | None:
    """The interval of a target's correlation holds 0, or lies below it."""
    reference = majority["by_target"]
    chance = [
        f"{name} {with_interval(figures['spearman'])} (RMSE {figures['rmse']:.3g}, of answering with the mean "
        f"{reference[name]['rmse']:.3g})"
        for name, figures in scores["by_target"].items()
        if figures["clips"] and _lowest(figures["spearman"]) <= 0
    ]
    if not chance:
        return None
    return Alarm(
        "not above chance",
        f"Spearman correlations whose interval does not lie above 0: {', '.join(chance)}. Nothing is shown to be "
        "learned. Look at whether labels belong to their clips, and whether one batch can be overfitted.",
    )


def _lowest(figure: Mapping[str, float | None]) -> float:
    """Lower end of the interval; the figure itself where there is none."""
    low = figure["value"] if figure["low"] is None else figure["low"]
    return float(low or 0.0)


def few_labels(scores: Scores) -> Alarm | None:
    """So few test clips carry a target's label that its correlation is chance."""
    by_target: Mapping[str, Scores] = scores["by_target"]
    few = [f"{name} {figures['clips']}" for name, figures in by_target.items() if figures["clips"] < FEWEST_LABELS]
    if not few:
        return None
    return Alarm(
        "few clips",
        f"{len(few)} of {len(by_target)} targets have fewer than {FEWEST_LABELS} labelled clips in test: "
        f"{', '.join(few)}. Their figures are chance. Look at the size of the split and the label file.",
    )
