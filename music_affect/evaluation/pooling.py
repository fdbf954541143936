"""Test predictions of finished runs put together: averaged where runs share clips, pooled over folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import RunFolderError
from music_affect.contracts.spec import Categorical, Continuous, Tags, Target
from music_affect.evaluation.intervals import FEWEST_SEEDS
from music_affect.evaluation.scores import scores_of
from music_affect.runs.reader import RunFolder

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Pool:
    """Predictions of several runs as if one had made them.

    Args:
        runs: that were put together.
        targets: labels, by name.
        clips: ids of the test clips of all runs, sorted.
        groups: of the clips, empty where there is none, [N].
        predictions: by label, probabilities [N, C] or values [N], the mean over the runs that tested the clip.
        labels: by label, class names, tags or numbers as text [N]; empty where missing.
        members: runs that tested each clip.
    """

    runs: Sequence[RunFolder]
    targets: Mapping[str, Target]
    clips: list[str]
    groups: list[str]
    predictions: Mapping[str, Values]
    labels: Mapping[str, list[str]]
    members: int

    @property
    def synthetic(self) -> bool:
        """True where a program made the music."""
        return any(run.synthetic for run in self.runs)

    @cached_property
    def truth(self) -> dict[str, NDArray[Any]]:
        """By label, class indices with -1 where missing, or values with NaN where missing, [N]; of tags [N, C]."""
        return {name: _encoded(self.labels[name], kind) for name, kind in self.targets.items()}

    @cached_property
    def seeds(self) -> list[str]:
        """Seeds of which each tested all clips; none where some runs differ in that."""
        found: dict[str, list[RunFolder]] = {}
        for run in self.runs:
            found.setdefault(str(run.seed), []).append(run)
        alike = all(_tested(runs) == dict.fromkeys(self.clips, self.members // len(found)) for runs in found.values())
        return list(found) if alike else []

    @property
    def seeds_drawn(self) -> bool:
        """Whether intervals hold what another seed would change."""
        return len(self.seeds) >= FEWEST_SEEDS

    def scores(self) -> dict[str, Any]:
        """``classification``, ``regression`` and ``tagging``, each where there is such a label, with intervals.

        They are over groups, or over clips where there is none, and from three seeds on over seeds as well.
        """
        others = [
            pool([run for run in self.runs if str(run.seed) != seed]).predictions
            for seed in (self.seeds if self.seeds_drawn else [])
        ]
        return scores_of(self.predictions, self.truth, self.targets, self.groups, others)


def own(run: RunFolder) -> Sequence[Mapping[str, str]]:
    """The predictions of a run itself."""
    return run.predictions


def pool(runs: Sequence[RunFolder], rows_of: Callable[[RunFolder], Sequence[Mapping[str, str]]] = own) -> Pool:
    """Puts the test predictions of runs together.

    Args:
        runs: finished, on one data set; every test clip is tested by equally many of them.
        rows_of: the table of predictions of a run: its own, or what a reference answered beside it.

    Raises:
        RunFolderError: they cannot be put together, or their predictions cannot be read.
    """
    targets = same_targets(runs)
    rows: dict[str, list[Mapping[str, str]]] = {}
    for run in runs:
        for row in rows_of(run):
            if row["split"] == "test":
                rows.setdefault(row["id"], []).append(row)
    clips = sorted(rows)
    counts = {len(rows[clip]) for clip in clips}
    if len(counts) != 1:
        some = next(clip for clip in clips if len(rows[clip]) == min(counts))
        raise RunFolderError(
            f"clip {some} was tested by {min(counts)} of the runs and others by {max(counts)}",
            expected="every test clip to be tested by equally many runs (the same folds of each member)",
            fix="add the runs that are missing, or leave out those of single folds",
        )
    labels = {name: [_agreed(rows[clip], clip, name, "labels") for clip in clips] for name in targets}
    groups = [_agreed(rows[clip], clip, "group", "groups") for clip in clips]
    predictions = {name: np.stack([_mean(rows[clip], name, kind) for clip in clips]) for name, kind in targets.items()}
    return Pool(runs, targets, clips, groups, predictions, labels, counts.pop())


def same_targets(runs: Sequence[RunFolder]) -> dict[str, Target]:
    """The labels of all runs.

    Raises:
        RunFolderError: one has other labels, or other data.
    """
    first = runs[0]
    for run in runs[1:]:
        for what, told in (("labels", _labels), ("data", _music)):
            if told(run) != told(first):
                raise RunFolderError(
                    f"{run.path} has the {what} {told(run)} and {first.path} has {told(first)}",
                    expected="runs on one data set with the same labels and classes",
                    fix="leave out the runs that differ",
                )
    return first.targets


def _labels(run: RunFolder) -> str:
    """Names of the labels, with classes or ends."""
    told = {
        name: f"{kind.low} to {kind.high}" if isinstance(kind, Continuous) else ", ".join(kind.outcomes)
        for name, kind in run.targets.items()
    }
    return "; ".join(f"{name} ({words})" for name, words in told.items())


def _music(run: RunFolder) -> str:
    """Name of the data set, the same for full-rate and beat-synchronous features."""
    return str(run.metrics["data"]).removesuffix("_beat")


def _tested(runs: Sequence[RunFolder]) -> Counter[str]:
    """How many of the runs tested each clip."""
    return Counter(row["id"] for run in runs for row in run.predictions if row["split"] == "test")


def _agreed(rows: Sequence[Mapping[str, str]], clip: str, name: str, what: str) -> str:
    found = {row[name] for row in rows}
    if len(found) > 1:
        raise RunFolderError(
            f"the runs have different {what} '{name}' for clip {clip}: {', '.join(sorted(found))}",
            expected=f"runs on the same {what}",
            fix=f"train again those that used older {what}",
        )
    return found.pop()


def _mean(rows: Sequence[Mapping[str, str]], name: str, kind: Target) -> Values:
    columns = [f"p({outcome})" for outcome in kind.outcomes] or [f"predicted {name}"]
    mean = np.array([[float(row[column]) for column in columns] for row in rows]).mean(axis=0)
    return np.asarray(mean if kind.outcomes else mean[0], np.float64)


def _encoded(labels: Sequence[str], kind: Target) -> NDArray[Any]:
    if isinstance(kind, Categorical):
        return np.array([kind.classes.index(label) if label else -1 for label in labels])
    if isinstance(kind, Tags):
        return np.array([kind.row(label) for label in labels])
    return np.array([float(label) if label else np.nan for label in labels])
