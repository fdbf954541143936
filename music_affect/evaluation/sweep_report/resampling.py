"""The deciding score over drawn groups and seeds, so that two configurations can be compared on the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from music_affect.contracts.confusion import confusions, headlines
from music_affect.contracts.spec import Categorical, Continuous, Tags
from music_affect.evaluation.intervals import FEWEST_SEEDS, Counts, Floats, draw_seeds, draws, ends
from music_affect.evaluation.pooling import Pool
from music_affect.evaluation.regression import columns, correlations
from music_affect.evaluation.tagging import headlines_of, known
from music_affect.evaluation.units import Units, units

RESAMPLES = 2000

Clips = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Resampled:
    """Figures of one configuration, the mean over its seeds.

    Args:
        clips: what was tested: id, group and labels of every clip, in order.
        figures: score, then macro F1, Spearman or macro average precision by label.
        drawn: the score over each of R draws of groups, or of clips where there are no groups, float64 [R]; from three
            seeds on, of seeds too. Draw r has the same clips for every configuration that was tested on these clips.
        units: what was drawn.
    """

    clips: Clips
    figures: dict[str, float]
    drawn: Floats
    units: Units

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the score."""
        return ends(self.figures["score"], self.drawn, self.units, lowest=-1.0)


def clips_of(pool: Pool) -> Clips:
    """Id, group and labels of the clips: equal where two runs were tested on the same."""
    music = str(pool.runs[0].metrics["data"]).removesuffix("_beat")
    return tuple((music, *told) for told in zip(pool.clips, pool.groups, *pool.labels.values(), strict=True))


def resample(pools: Sequence[Pool], resamples: int = RESAMPLES) -> Resampled:
    """Score all seeds of a configuration over the same draws.

    Args:
        pools: test predictions, one a seed, all on the same clips.
        resamples: R, the number of draws; they are the same for every configuration with as many clips and groups.
    """
    names, once = ["score", *pools[0].targets], np.ones((1, len(pools[0].clips)), np.int64)
    values = np.mean([_figures(pool, once)[0] for pool in pools], axis=0)
    drawn = units(pools[0].groups)
    scores = draws(lambda counts: np.stack([_figures(pool, counts)[:, 0] for pool in pools], axis=1), drawn, resamples)
    mean = scores.mean(axis=1)
    if len(pools) >= FEWEST_SEEDS:
        mean = draw_seeds(mean[:, None], [(own - mean)[:, None] for own in scores.T])[:, 0]
    return Resampled(clips_of(pools[0]), dict(zip(names, map(float, values), strict=True)), mean, drawn)


def _figures(pool: Pool, counts: Counts) -> Floats:
    """Score and the figure of each label, [R, 1 + K], over clips counted so often, [R, N]."""
    by_label: dict[str, Floats] = {}
    deciding: list[Floats] = []
    for name, kind in pool.targets.items():
        if isinstance(kind, Categorical):
            by_label[name] = _macro_f1(pool, name, kind, counts)
            deciding.append(by_label[name])
        if isinstance(kind, Tags):
            by_label[name] = _average_precision(pool, name, counts)
            deciding.append(by_label[name])
    scales = [name for name, kind in pool.targets.items() if isinstance(kind, Continuous)]
    if scales:
        found = correlations(columns(pool.predictions, scales), columns(pool.truth, scales), counts)
        deciding.append(found[:, 0])
        by_label |= {name: found[:, 1 + place] for place, name in enumerate(scales)}
    return np.stack([np.mean(deciding, axis=0), *(by_label[name] for name in pool.targets)], axis=1)


def _macro_f1(pool: Pool, name: str, kind: Categorical, counts: Counts) -> Floats:
    """Macro F1 of each draw, over the clips that carry the label."""
    there = pool.truth[name] >= 0
    truth, predicted = pool.truth[name][there], pool.predictions[name][there].argmax(axis=1)
    scores: Floats = headlines(confusions(truth, predicted, kind.num_classes, counts[:, there]))[:, 0]
    return scores


def _average_precision(pool: Pool, name: str, counts: Counts) -> Floats:
    """Macro average precision of each draw, over the clips that carry the label."""
    there = known(pool.truth[name])
    return headlines_of(pool.predictions[name][there], pool.truth[name][there], counts[:, there])[:, 0]
