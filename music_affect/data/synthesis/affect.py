"""Labels of mood, computed from what the music is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from music_affect.data.synthesis.causes import Causes

_NOISE = 0.52  # against a score of about unit variance: bounds any model's Spearman correlation near .88


@dataclass(frozen=True)
class Formula:
    """A weighted sum of causes; ``centre`` and ``spread`` bring it to about zero mean and unit variance."""

    weights: Mapping[str, float]
    centre: float
    spread: float


FORMULAS: Mapping[str, Formula] = {
    "valence": Formula(
        {
            "brightness": 1.4,
            "tempo": 1.0,
            "density": 0.6,
            "major": 0.5,
            "register": 0.5,
            "swing": 0.2,
            "loudness": -0.6,
        },
        centre=1.7,
        spread=0.62,
    ),
    "energy": Formula(
        {"loudness": 1.0, "density": 0.8, "tempo": 0.5, "beat": 0.4, "brightness": 0.4}, centre=1.4, spread=0.55
    ),
    "danceability": Formula(
        {"beat": 1.0, "regularity": 0.8, "pace": 0.7, "density": 0.3, "major": 0.2, "swing": -0.3},
        centre=1.66,
        spread=0.7,
    ),
}
TARGETS = tuple(FORMULAS)


def affect_of(causes: Causes, rng: np.random.Generator | None) -> dict[str, float]:
    """Valence, energy and danceability, each in (0, 1): the formulas plus the listener's noise, squashed.

    Args:
        causes: what the music is made of.
        rng: source of the listener's noise; None for the noise-free judgement.
    """
    noise = rng.normal(0.0, _NOISE, len(TARGETS)) if rng is not None else np.zeros(len(TARGETS))
    affect = {}
    for target, extra in zip(TARGETS, noise, strict=True):
        formula = FORMULAS[target]
        score = sum(weight * getattr(causes, cause) for cause, weight in formula.weights.items())
        affect[target] = float(1.0 / (1.0 + np.exp(-(score - formula.centre) / formula.spread - extra)))
    return affect
