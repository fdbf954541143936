"""Artists whose clips resemble one another in what they are taken for, for ``benchmarks.coverage``.

Each artist is of one class, is taken for other classes in ways of its own, and has labels and errors on a scale of its
own. Data sets of 300 clips are drawn, artists as unequal in size as on Emotify (300 clips, 107 artists). The effects of
artists are set so that at 107 groups intervals over groups are wider than those over clips by about what was measured
there (1.5 for accuracy, 1.3 for a Spearman correlation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.confusion import HEADLINES, confusions, headlines, ratio
from music_affect.evaluation.intervals import Counts, Floats
from music_affect.evaluation.regression import correlations

CLASSES, CLIPS = 4, 300
LIKELY = np.array([[1.0, -1, -1, -1], [-1, 1.0, -1, -1], [-1, -1, 1.0, 0.3], [-1, -1, 0.3, 1.0]])  # pop against rock
ARTIST_TASTE, ARTIST_LABEL, ARTIST_ERROR = 1.1, 0.7, 0.55  # standard deviations of what an artist's clips share
CLIP_LABEL = CLIP_ERROR = 0.7  # and of what each has of its own
SEED_TASTE = 0.35  # of what one training takes all clips of a class for
INEQUALITY = 0.5  # shape of the gamma distribution of an artist's clips
RARE_SHARE = 0.04  # of the clips in the fourth class, where it is rare
ABSENT_IS_0 = "macro F1, 0 for an absent class"  # another rule for resamples in which no clip of a class was drawn
FIGURES = ("accuracy", "macro F1", ABSENT_IS_0, "Spearman")


@dataclass(frozen=True)
class Sample:
    """Clips with what several trainings answer.

    Args:
        groups: number of each clip's artist, [N].
        truth: class of each clip, [N].
        predicted: class that each of S trainings predicts, [S, N].
        labels: true value on a scale, [N].
        values: predicted value, the same for all trainings, [N].
    """

    groups: NDArray[np.int64]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    labels: Floats
    values: Floats

    def figures(self, counts: Counts, seed: int = 0) -> Floats:
        """The figures of ``FIGURES`` of one training, [R, 4]."""
        tables = confusions(self.truth, self.predicted[seed], CLASSES, counts)
        found = headlines(tables)
        support, taken = tables.sum(axis=2), tables.sum(axis=1)
        fixed = ratio(2 * np.diagonal(tables, axis1=1, axis2=2), support + taken).mean(axis=1)
        spearman = correlations(self.values[:, None], self.labels[:, None], counts)[:, 0]
        return np.stack(
            [found[:, HEADLINES.index("accuracy")], found[:, HEADLINES.index("f1_macro")], fixed, spearman], axis=1
        )


def artists(groups: int, *, rare: bool) -> tuple[NDArray[np.int64], Floats]:
    """Class of each artist, [G], and the share of the clips that is in each class."""
    if not rare:
        return np.arange(groups) % CLASSES, np.full(CLASSES, 1 / CLASSES)
    few = max(3, round(groups * RARE_SHARE))
    shares = np.array([*[(1 - RARE_SHARE) / 3] * 3, RARE_SHARE])
    return np.where(np.arange(groups) < few, 3, np.arange(groups) % 3), shares


def sizes(classes: NDArray[np.int64], shares: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Clips of each artist, at least one, each class with its share of them all."""
    found = np.ones(len(classes), np.int64)
    for place, share in enumerate(shares):
        own = np.flatnonzero(classes == place)
        weights = rng.gamma(INEQUALITY, size=len(own)) + 1e-9
        found[own] += rng.multinomial(max(0, round(CLIPS * share) - len(own)), weights / weights.sum())
    return found


def draw(
    classes: NDArray[np.int64], counts: NDArray[np.int64], rng: np.random.Generator, trainings: int, luck: float
) -> Sample:
    """Clips of artists, so many each, with the answers of some trainings; ``luck`` is what these differ by."""
    taste = LIKELY[classes] + ARTIST_TASTE * rng.normal(size=(len(classes), CLASSES))
    level, error = (spread * rng.normal(size=len(classes)) for spread in (ARTIST_LABEL, ARTIST_ERROR))
    groups = np.repeat(np.arange(len(classes)), counts)
    own = taste[groups] + rng.gumbel(size=(len(groups), CLASSES))
    shifts = luck * rng.normal(size=(trainings, CLASSES, CLASSES))
    labels = level[groups] + CLIP_LABEL * rng.normal(size=len(groups))
    values = 0.8 * labels + error[groups] + CLIP_ERROR * rng.normal(size=len(groups))
    truth = classes[groups]
    return Sample(groups, truth, (own + shifts[:, truth]).argmax(axis=2), labels, values)


def true_figures(rng: np.random.Generator, *, rare: bool, luck: float) -> Floats:
    """Figures over 20,000 artists with a clip each, the mean over trainings where these differ."""
    classes = rng.choice(CLASSES, 20_000, p=artists(CLASSES, rare=rare)[1])
    made = draw(classes, np.ones(len(classes), np.int64), rng, 100 if luck else 5, luck)
    once = np.ones((1, len(classes)), np.int64)
    return np.asarray(np.mean([made.figures(once, seed)[0] for seed in range(len(made.predicted))], axis=0), np.float64)
