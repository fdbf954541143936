"""A run's predictions judged: figures beside the references, and the alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.spec import Categorical
from music_affect.data.labels import encode
from music_affect.data.preparation import Prepared
from music_affect.data.splits import class_counts
from music_affect.evaluation import references
from music_affect.evaluation.alarms import Alarm, score_alarms, split_alarms, tag_alarms, unknown_groups
from music_affect.evaluation.calibration import conformal
from music_affect.evaluation.leak_alarms import copies_across_parts, leaked_start
from music_affect.evaluation.measurement import measure
from music_affect.evaluation.regression import columns
from music_affect.evaluation.regression_alarms import regression_alarms
from music_affect.runs.predictions import Predictions
from music_affect.runs.reader import deciding
from music_affect.runs.training_clips import count_trained_on

if TYPE_CHECKING:
    from music_affect.runs.checkpoint import Checkpoint


def judge(
    prepared: Prepared,
    predictions: Mapping[str, Predictions],
    answered: Mapping[str, Predictions],
    train: Mapping[str, float],
) -> dict[str, Any]:
    """Figures on the test and val clips, of the references on the test clips, and alarms.

    Args:
        prepared: clips and labels.
        predictions: by part.
        answered: of the references for the test clips, by their names.
        train: figures on the training windows, as the task logs them.

    Returns:
        ``score``, ``test``, ``val``, ``references``, ``alarms``.
    """
    scored = {name: measure(found, prepared.splits[name], prepared.targets) for name, found in predictions.items()}
    beside = references.scores(prepared, answered)
    test, val = scored["test"], scored.get("val")
    alarms: list[Alarm] = []
    if "classification" in test:
        alarms += score_alarms(
            test["classification"],
            majority=beside["majority"]["classification"],
            linear=beside["linear"]["classification"],
            train_f1=train.get("f1_macro"),
            val_f1=val["classification"]["f1_macro"]["value"] if val else None,
        )
    if "regression" in test:
        names = list(test["regression"]["by_target"])
        truth = {
            part: {name: encode(prepared.splits[part], name, prepared.targets[name]) for name in names}
            for part in predictions
        }
        if val:
            _widths_from_validation(val["regression"]["by_target"], predictions, truth)
        alarms += regression_alarms(
            test["regression"],
            columns(predictions["test"], names),
            columns(truth["test"], names),
            majority=beside["majority"]["regression"],
            linear=beside["linear"]["regression"],
            train_spearman=train.get("spearman"),
            val_spearman=val["regression"]["spearman"]["value"] if val else None,
        )
    if "tagging" in test:
        alarms += tag_alarms(
            test["tagging"],
            majority=beside["majority"]["tagging"],
            linear=beside["linear"]["tagging"],
            train=train.get("average_precision"),
            val=val["tagging"]["average_precision"]["value"] if val else None,
        )
    return {"score": deciding(test), "test": test, "val": val, "references": beside, "alarms": alarms}


def _widths_from_validation(
    by_target: Mapping[str, dict[str, Any]],
    predictions: Mapping[str, Predictions],
    truth: Mapping[str, Mapping[str, NDArray[Any]]],
) -> None:
    """Intervals around predicted values from the validation part, where it has clips enough, tried on the test part.

    They stand among its figures: those of the test part are what evaluating the checkpoint anew gives.
    """
    for name, figures in by_target.items():
        errors = {part: np.abs(predictions[part][name] - truth[part][name]) for part in ("val", "test")}
        found = conformal(*(one[np.isfinite(one)] for one in errors.values()))
        if found["half_width"] is not None:
            figures["conformal"] = {**found, "from": "val"}


def data_alarms(prepared: Prepared, start: Checkpoint | None) -> list[Alarm]:
    """Alarms over the division of the clips, and over what a start was trained on; known before any training."""
    counts = {}
    for target, kind in prepared.targets.items():
        if isinstance(kind, Categorical):
            for name, clips in prepared.splits.items():
                if clips:
                    found = class_counts(clips, target)
                    counts[name] = {label: found[label] for label in kind.classes}
    groups = {name: {clip.group for clip in clips if clip.group} for name, clips in prepared.splits.items()}
    alarms: list[Alarm | None] = [*_unknown_groups(prepared), *split_alarms(counts=counts, groups=groups)]
    alarms.append(
        copies_across_parts(prepared.copies.across, {name: len(part) for name, part in prepared.splits.items()})
    )
    if start is not None:
        test = prepared.splits["test"]
        seen = count_trained_on(
            start.description.trained_on, start.description.digests, test, prepared.source.identity, prepared.cache
        )
        alarms.append(leaked_start(seen, len(test)))
    return [alarm for alarm in alarms if alarm]


def _unknown_groups(prepared: Prepared) -> list[Alarm]:
    return [] if prepared.unknown_groups is None else [unknown_groups(prepared.unknown_groups)]
