"""What makes a good-looking figure worthless, in one line each: collapse, overfitting, leaks, classes without clips."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from music_affect.evaluation.tables import with_interval

COLLAPSE_SHARE = 0.8  # of the predictions in one class
COLLAPSE_EXCESS = 0.2  # by which that share exceeds the class's share of the labels
LARGEST_CALIBRATION_ERROR = 0.1  # expected; smaller ones hardly change what is done with a probability
LARGEST_GAP = 0.25  # of macro F1 or mean Spearman, train minus val
FEWEST_CLIPS = 10  # of a class in a split: below, one clip moves its recall by more than a tenth
_TITLES = {"f1_macro": "macro F1", "spearman": "mean Spearman", "average_precision": "macro average precision"}
_RELIABILITY = ("confidence", "accuracy")
_NAMED = 5

Scores = Mapping[str, Any]


@dataclass(frozen=True)
class Alarm:
    """Something to look at before a figure is believed.

    Args:
        name: what is wrong, in two or three words.
        message: the numbers, and where to look.
    """

    name: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """``{"name": …, "message": …}``."""
        return asdict(self)


def score_alarms(
    scores: Scores,
    *,
    majority: Scores,
    linear: Scores,
    train_f1: float | None = None,
    val_f1: float | None = None,
) -> list[Alarm]:
    """Alarms over the scores of a finished run.

    Args:
        scores: ``classification_scores`` of the model on the test clips.
        majority: the same of the majority reference.
        linear: the same of the linear reference.
        train_f1: macro F1 on the training clips, None where not measured.
        val_f1: macro F1 on the val clips, None where not measured.
    """
    raised = [collapse(scores), not_above_majority(scores, majority), below_linear(scores, linear)]
    raised.append(miscalibrated(scores))
    if train_f1 is not None and val_f1 is not None:
        raised.append(train_val_gap(train_f1, val_f1))
    return [alarm for alarm in raised if alarm]


def tag_alarms(
    scores: Scores, *, majority: Scores, linear: Scores, train: float | None = None, val: float | None = None
) -> list[Alarm]:
    """Alarms over the scores of a finished run that predicts tags.

    Args:
        scores: ``tagging_scores`` of the model on the test clips.
        majority: the same of answering with the frequency of each tag.
        linear: the same of the linear reference.
        train: macro average precision on the training clips, None where not measured.
        val: macro average precision on the val clips, None where not measured.
    """
    figure = "average_precision"
    if scores[figure]["value"] is None:
        return [Alarm("no tag scored", "every tag is in all test clips or in none: nothing can be said of the model.")]
    raised = [not_above_majority(scores, majority, figure), below_linear(scores, linear, figure)]
    if train is not None and val is not None:
        raised.append(train_val_gap(train, val, figure))
    return [alarm for alarm in raised if alarm]


def split_alarms(counts: Mapping[str, Mapping[str, int]], groups: Mapping[str, Set[str]]) -> list[Alarm]:
    """Alarms over the splits, before any training.

    Args:
        counts: clips by class, by split; every class is named in every split, with 0 where it has none. Empty where
            no label is a class.
        groups: groups (artists, tracks) by split; clips without a group are left out.
    """
    raised = [leaked_groups(groups), missing_classes(counts.get("train", {}))]
    raised += [few_clips(by_class, split) for split, by_class in counts.items()]
    return [alarm for alarm in raised if alarm]


def unknown_groups(found: str) -> Alarm:
    """Nothing says whose clips these are, so that clips of one artist or one track may train and test.

    Args:
        found: what is there instead and how to use it, in sentences.
    """
    return Alarm(
        "unknown groups",
        f"{found} A random division puts clips of one artist or track into training and test, and the score flatters "
        "the model (on Emotify by .09 of macro F1).",
    )


def collapse(scores: Scores) -> Alarm | None:
    """One class takes nearly all predictions, though far fewer clips belong to it."""
    confusion = np.asarray(scores["confusion"])
    predicted, gold = confusion.sum(axis=0) / confusion.sum(), confusion.sum(axis=1) / confusion.sum()
    top = int(predicted.argmax())
    if predicted[top] < COLLAPSE_SHARE or predicted[top] - gold[top] < COLLAPSE_EXCESS:
        return None
    name = list(scores["per_class"])[top]
    return Alarm(
        "majority collapse",
        f"{predicted[top]:.0%} of the predictions are '{name}', {gold[top]:.0%} of the clips are: the model answers "
        "the same whatever the music. Look at the learning curves (does the training loss fall?), the learning rate "
        "and the standardisation of the features.",
    )


def not_above_majority(scores: Scores, majority: Scores, figure: str = "f1_macro") -> Alarm | None:
    """A figure lies within reach of the same answer every time: the most frequent class, or each tag's frequency."""
    value, reference = scores[figure]["value"], majority[figure]
    if value > (reference["value"] if reference["high"] is None else reference["high"]):
        return None
    return Alarm(
        "not above majority",
        f"{_TITLES[figure]} {value:.3f} is not above the majority reference, {with_interval(reference)}: nothing "
        "was learned. Look at whether labels belong to their clips, and whether one batch can be overfitted.",
    )


def below_linear(scores: Scores, linear: Scores, figure: str = "f1_macro") -> Alarm | None:
    """A linear model on clip statistics scores higher in a figure, macro F1 or ``spearman``."""
    value, reference = scores[figure]["value"], linear[figure]["value"]
    if value >= reference:
        return None
    low = linear[figure]["low"]
    certain = "" if low is None or value < low else ", though within its interval"
    return Alarm(
        "below linear",
        f"{_TITLES[figure]} {value:.3f} is below the linear reference, {with_interval(linear[figure])}{certain}: clip "
        "statistics tell more than the model found. Look at the number of epochs, the learning rate and the pooling "
        "over time.",
    )


def miscalibrated(scores: Scores) -> Alarm | None:
    """Probabilities are far from how often the predicted class is right, and not for want of clips."""
    error, bins = scores["ece"], scores["reliability"]
    if error["value"] <= max(error["limit"], LARGEST_CALIBRATION_ERROR):
        return None
    claimed, right = (sum(one[name] * one["clips"] for one in bins) / scores["clips"] for name in _RELIABILITY)
    return Alarm(
        "miscalibrated",
        f"expected calibration error {error['value']:.3f}, of a calibrated model {error['calibrated']:.3f} on so many "
        f"clips: the predicted class has a probability of {claimed:.0%} on average and is right in {right:.0%}. Do not "
        "take probabilities as they are. Look at label smoothing, mixup, weight decay and the number of epochs.",
    )


def train_val_gap(train: float, val: float, figure: str = "f1_macro") -> Alarm | None:
    """The model knows its training clips far better than others, by macro F1 or ``spearman``."""
    gap = train - val
    if gap <= LARGEST_GAP:
        return None
    return Alarm(
        "train/val gap",
        f"{_TITLES[figure]} is {train:.3f} on train and {val:.3f} on val, {gap:.3f} apart: the model learns its clips "
        "by heart. Look at augmentation, dropout, weight decay, or a smaller model.",
    )


def leaked_groups(groups: Mapping[str, Set[str]]) -> Alarm | None:
    """A group stands in two splits, so that the model is scored on what it was trained on."""
    shared = {pair: groups[pair[0]] & groups[pair[1]] for pair in combinations(groups, 2)}
    if not any(shared.values()):
        return None
    where = "; ".join(
        f"{len(names)} in {first} and {second} ({_some(names)})" for (first, second), names in shared.items() if names
    )
    return Alarm(
        "leaked groups",
        f"groups straddle splits: {where}. The score flatters the model. Look at the split: it must keep the clips of "
        "an artist or a track together.",
    )


def missing_classes(train: Mapping[str, int]) -> Alarm | None:
    """A class has no training clip, so that it can never be predicted."""
    missing = [name for name, clips in train.items() if clips == 0]
    if not missing:
        return None
    return Alarm(
        "missing classes",
        f"{len(missing)} of {len(train)} classes have no training clip: {_some(missing)}. Their F1 is bound to be 0. "
        "Look at the label file, the skipped clips and the split.",
    )


def few_clips(by_class: Mapping[str, int], split: str) -> Alarm | None:
    """A class has so few clips in a split that its figures are chance. Classes without any are left out in train."""
    fewest = 1 if split == "train" else 0
    few = [f"{name} {clips}" for name, clips in by_class.items() if fewest <= clips < FEWEST_CLIPS]
    if not few:
        return None
    return Alarm(
        "few clips",
        f"{len(few)} of {len(by_class)} classes have fewer than {FEWEST_CLIPS} clips in {split}: {_some(few)}. "
        "Their figures are chance. Look at the size of the split, or merge classes.",
    )


def _some(names: list[str] | Set[str]) -> str:
    shown = names if isinstance(names, list) else sorted(names)
    more = f", and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return ", ".join(shown[:_NAMED]) + more
