"""Who trains, who validates, who tests: stratified, group-aware, with a seed of its own."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import SplitError
from music_affect.data.labels import labelled
from music_affect.data.source import SPLITS, Clip, ClipSource

STRATA = 5  # equally full bins into which a scale is cut for stratification
SMALL = 1000  # training clips under which a held-out part costs more than it tells
AUTO_VAL_FRACTION = 0.15


@dataclass(frozen=True)
class SplitPlan:
    """How the clips are to be divided.

    Args:
        fold: number of the fold to test on, or None for the data set's own or a random test part.
        num_folds: how many folds are made where the data set has none.
        val_fraction: share of the training part held out for validation where the data set prescribes no such part;
            None holds out 15 % where at least 1000 clips of the data set are left to train on, whatever their labels,
            and nothing otherwise: on little data every song is worth more as training material.
        test_fraction: share of all clips for testing where neither a test part nor folds exist.
        seed: of the division alone; the training seed never moves a clip.
    """

    fold: int | None = None
    num_folds: int = 5
    val_fraction: float | None = None
    test_fraction: float = 0.2
    seed: int = 420

    def __post_init__(self) -> None:
        for name, value in (("val_fraction", self.val_fraction or 0.0), ("test_fraction", self.test_fraction)):
            if not 0 <= value < 1:
                raise SplitError(f"split.{name}={value}", expected="a share from 0 to below 1", fix="correct it")
        if self.num_folds < 2:
            raise SplitError(f"split.num_folds={self.num_folds}", expected="2 folds or more", fix="correct it")


Splits = Mapping[str, Sequence[Clip]]


def divide(source: ClipSource, clips: Sequence[Clip], plan: SplitPlan) -> dict[str, list[Clip]]:
    """Divides a data set, whatever the task: each set of several by itself, and by its own labels.

    All clips that carry any label take part, whether the task needs that label, and whether their features can be
    used. Single tasks, joint ones and those that start from one another thus test the same clips.

    Args:
        source: the data set.
        clips: all of its clips.
        plan: how to divide.

    Raises:
        SplitError: the clips do not allow such a division.
    """
    by_set: dict[str, list[Clip]] = {}
    for clip in labelled(clips, source.targets):
        by_set.setdefault(clip.data, []).append(clip)
    parts = [split_clips(own, source.strata[data], plan) for data, own in by_set.items()]
    return {name: [clip for part in parts for clip in part[name]] for name in SPLITS}


def restrict(splits: Splits, clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """The parts of a division with these of its clips alone."""
    ids = {clip.id for clip in clips}
    return {name: [clip for clip in part if clip.id in ids] for name, part in splits.items()}


def split_clips(clips: Sequence[Clip], strata: Sequence[str], plan: SplitPlan) -> dict[str, list[Clip]]:
    """Divides the clips of one data set into ``train``, ``val`` (may be empty) and ``test``.

    Args:
        clips: labelled.
        strata: labels by which the parts may be stratified; the first that allows it is taken.
        plan: how to divide.

    Raises:
        SplitError: the clips do not allow such a division.
    """
    if plan.fold is not None:
        test = _fold(clips, strata, plan)
        rest = _without(clips, test)
        val: list[Clip] = []
    else:
        test = [clip for clip in clips if clip.split == "test"]
        val = [clip for clip in clips if clip.split == "val"]
        if not test:
            test = _share(_without(clips, val), strata, plan.test_fraction, plan.seed)
        rest = _without(clips, [*test, *val])
    if not val:
        val = _share(rest, strata, _val_fraction(plan, len(rest)), plan.seed)
    splits = {"train": _without(rest, val), "val": val, "test": test}
    for name in ("train", "test"):
        if not splits[name]:
            raise SplitError(
                f"the {name} part of {len(clips)} labelled clips is empty",
                expected="at least one clip to train on and one to test on",
                fix="add clips, or correct the split column, data.fold or split.test_fraction",
            )
    return splits


def prescribes(plan: SplitPlan, clips: Sequence[Clip]) -> bool:
    """Whether the data set says which of these clips are tested on, rather than the plan's seed."""
    if plan.fold is not None:
        return all(clip.fold is not None for clip in clips)
    return any(clip.split == "test" for clip in clips)


def split_hash(splits: Splits) -> str:
    """Fingerprint of a division: equal hashes mean that the same clips trained and were tested."""
    lines = [f"{name}:{clip.id}" for name in SPLITS for clip in sorted(splits[name], key=lambda clip: clip.id)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def straddling_groups(splits: Splits) -> dict[str, list[str]]:
    """Groups with clips in more than one part, by ``<part>/<part>``."""
    groups = {name: {clip.group for clip in clips if clip.group} for name, clips in splits.items()}
    pairs = [("train", "val"), ("train", "test"), ("val", "test")]
    shared = {f"{a}/{b}": sorted(map(str, groups[a] & groups[b])) for a, b in pairs}
    return {pair: names for pair, names in shared.items() if names}


def _val_fraction(plan: SplitPlan, clips: int) -> float:
    if plan.val_fraction is None:
        return AUTO_VAL_FRACTION if clips >= SMALL else 0.0
    return plan.val_fraction


def check_fold(clips: Sequence[Clip], plan: SplitPlan) -> None:
    """Refuses a fold that the clips do not have.

    Raises:
        SplitError: with the folds that there are.
    """
    for data in dict.fromkeys(clip.data for clip in clips):
        folds = _given_folds([clip for clip in clips if clip.data == data]) or list(range(plan.num_folds))
        if plan.fold is not None and plan.fold not in folds:
            raise SplitError(f"data.fold={plan.fold}", expected=f"one of {folds}", fix="correct data.fold")


def _given_folds(clips: Sequence[Clip]) -> list[int]:
    given = {clip.fold for clip in clips if clip.fold is not None}
    missing = sum(clip.fold is None for clip in clips)
    if given and missing:
        raise SplitError(
            f"{missing} of {len(clips)} clips have no fold",
            expected="a fold for every clip or for none",
            fix="fill the fold column, or name another one in data.source.fold",
        )
    return sorted(given)


def _fold(clips: Sequence[Clip], strata: Sequence[str], plan: SplitPlan) -> list[Clip]:
    check_fold(clips, plan)
    assert plan.fold is not None
    if _given_folds(clips):
        return [clip for clip in clips if clip.fold == plan.fold]
    return _made_folds(clips, strata, plan.num_folds, plan.seed)[plan.fold]


def _share(clips: Sequence[Clip], strata: Sequence[str], fraction: float, seed: int) -> list[Clip]:
    """About ``fraction`` of the clips: some of many small folds, so that strata and groups are kept."""
    if fraction == 0 or len(clips) < 2:
        return []
    wanted = {pieces: max(1, round(fraction * pieces)) for pieces in range(2, max(10, round(1 / fraction)) + 1)}
    pieces = min(wanted, key=lambda pieces: abs(wanted[pieces] / pieces - fraction))
    folds = _made_folds(clips, strata, pieces, seed)
    return [clip for fold in folds[: wanted[pieces]] for clip in fold]


def _made_folds(clips: Sequence[Clip], strata: Sequence[str], count: int, seed: int) -> list[list[Clip]]:
    from sklearn.model_selection import StratifiedGroupKFold

    groups = [clip.group or f"clip {clip.id}" for clip in clips]
    if len(set(groups)) < count:
        raise SplitError(
            f"{len(set(groups))} groups (artists) among {len(clips)} clips",
            expected=f"at least {count} to divide them",
            fix="add clips, lower split.num_folds, or set data.source.group='' to let groups straddle",
        )
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    levels = _levels(clips, strata, count)
    with warnings.catch_warnings():
        # A class with fewer clips than folds is reported by our own alarm, in words that name it.
        warnings.filterwarnings("ignore", message="The least populated class")
        parts = splitter.split(np.zeros(len(clips)), levels, groups)
        return [[clips[place] for place in test] for _, test in parts]


def _levels(clips: Sequence[Clip], strata: Sequence[str], folds: int) -> NDArray[Any]:
    """A stratum for each clip, by the first label of which one stratum is large enough to be divided."""
    carried = [name for name in strata if any(name in clip.labels for clip in clips)]
    found = {name: _levels_of(clips, name, folds) for name in carried}
    largest = {name: max(Counter(levels.tolist()).values()) for name, levels in found.items()}
    chosen = next((name for name in carried if largest[name] >= folds), None)
    if not carried:
        return np.zeros(len(clips))  # tags alone: nothing to stratify by
    if chosen is None:
        raise SplitError(
            f"no class of '{carried[0]}' has more than {largest[carried[0]]} of the {len(clips)} clips",
            expected=f"at least {folds} of one class to divide them",
            fix="add clips, lower split.num_folds, or prescribe the parts in a split column",
        )
    return found[chosen]


def _levels_of(clips: Sequence[Clip], target: str, folds: int) -> NDArray[Any]:
    """A stratum for each clip; clips without the label are one of their own. On a scale each holds a clip a fold."""
    labels = [clip.labels.get(target) for clip in clips]
    if any(isinstance(label, str) for label in labels):
        return np.array([str(label) for label in labels])
    values = np.array([np.nan if label is None else label for label in labels], dtype=float)
    bins = max(1, min(STRATA, len(values) // folds))
    borders = np.nanquantile(values, np.linspace(0, 1, bins + 1)[1:-1])
    levels: NDArray[Any] = np.where(np.isnan(values), -1, np.digitize(values, borders))
    return levels


def _without(clips: Sequence[Clip], removed: Sequence[Clip]) -> list[Clip]:
    ids = {clip.id for clip in removed}
    return [clip for clip in clips if clip.id not in ids]


def class_counts(clips: Sequence[Clip], target: str) -> Counter[str]:
    """Clips of each class; those without the label do not count."""
    return Counter(str(clip.labels[target]) for clip in clips if target in clip.labels)
