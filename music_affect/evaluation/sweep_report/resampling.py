"""The deciding score over drawn clips, so that two configurations can be compared on the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.confusion import confusions, headlines
from music_affect.contracts.spec import Categorical
from music_affect.evaluation.intervals import draws, middle
from music_affect.evaluation.pooling import Pool
from music_affect.evaluation.regression import correlations

RESAMPLES = 2000

Floats = NDArray[np.float64]
Clips = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Resampled:
    """Figures of one configuration, the mean over its seeds.

    Args:
        clips: what was tested: id and labels of every clip, in order.
        figures: score, then macro F1 or Spearman by label.
        drawn: the score over each of R draws of clips, float64 [R]. Draw r has the same clips for every
            configuration that was tested on these clips.
    """

    clips: Clips
    figures: dict[str, float]
    drawn: Floats

    @property
    def interval(self) -> tuple[float, float]:
        """Where the middle 95 % of the scores lie."""
        low, high = middle(self.drawn)
        return float(low), float(high)


def clips_of(pool: Pool) -> Clips:
    """Id and labels of the clips: equal where two runs were tested on the same."""
    music = str(pool.runs[0].metrics["data"]).removesuffix("_beat")
    return tuple((music, clip, *told) for clip, *told in zip(pool.clips, *pool.labels.values(), strict=True))


def resample(pools: Sequence[Pool], resamples: int = RESAMPLES) -> Resampled:
    """Score all seeds of a configuration over the same draws of clips.

    Args:
        pools: test predictions, one a seed, all on the same clips.
        resamples: R, the number of draws; they are the same for every configuration with as many clips.
    """
    size = len(pools[0].clips)
    names = ["score", *pools[0].targets]
    every = np.arange(size)[None]
    values = np.mean([_figures(pool, every)[0] for pool in pools], axis=0)
    drawn = draws(lambda index: np.mean([_figures(pool, index)[:, 0] for pool in pools], axis=0), size, resamples)
    return Resampled(clips_of(pools[0]), dict(zip(names, map(float, values), strict=True)), drawn)


def _figures(pool: Pool, index: NDArray[np.int64]) -> Floats:
    """Score and the figure of each label, [R, 1 + K], over the clips drawn, [R, n]."""
    by_label: dict[str, Floats] = {}
    deciding: list[Floats] = []
    for name, kind in pool.targets.items():
        if isinstance(kind, Categorical):
            by_label[name] = _macro_f1(pool, name, kind, index)
            deciding.append(by_label[name])
    scales = [name for name, kind in pool.targets.items() if not isinstance(kind, Categorical)]
    if scales:
        predicted, truth = (
            np.stack([each[name] for name in scales], axis=1) for each in (pool.predictions, pool.truth)
        )
        found = correlations(predicted, truth, index)
        deciding.append(found[:, 0])
        by_label |= {name: found[:, 1 + place] for place, name in enumerate(scales)}
    columns = [np.mean(deciding, axis=0), *(by_label[name] for name in pool.targets)]
    return np.asarray(np.nan_to_num(np.stack(columns, axis=1)), np.float64)


def _macro_f1(pool: Pool, name: str, kind: Categorical, index: NDArray[np.int64]) -> Floats:
    """Macro F1 of each draw; clips without a label fall into a class of their own, which is not counted."""
    size = kind.num_classes + 1
    labelled = pool.truth[name] >= 0
    truth, answers = (
        np.where(labelled, told, size - 1) for told in (pool.truth[name], pool.predictions[name].argmax(axis=1))
    )
    found = confusions((truth * size + answers)[index], size)[:, :-1, :-1]
    with np.errstate(invalid="ignore"):  # a draw without a labelled clip
        scores: Floats = headlines(found)[:, 0]
    return scores
