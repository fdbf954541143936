from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from music_affect.data.synthesis.affect import FORMULAS, TARGETS, affect_of
from music_affect.data.synthesis.catalogue import make_catalogue
from music_affect.data.synthesis.causes import Causes, causes_of
from music_affect.data.synthesis.clip import SyntheticClip


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Causes, dict[str, float]]]:
    clips = [SyntheticClip(entry.plan) for entry in make_catalogue(400, 6.0, seed=3)]
    return [(causes_of(clip.song, clip.score), clip.affect) for clip in clips]


@pytest.mark.parametrize(
    ("target", "cause", "least"),
    [
        ("valence", "major", 0.35),
        ("valence", "brightness", 0.4),
        ("valence", "tempo", 0.4),
        ("energy", "loudness", 0.5),
        ("energy", "density", 0.6),
        ("danceability", "beat", 0.5),
        ("danceability", "regularity", 0.5),
    ],
)
def test_labels_follow_their_causes(
    drawn: list[tuple[Causes, dict[str, float]]], target: str, cause: str, least: float
) -> None:
    correlation = spearmanr([getattr(causes, cause) for causes, _ in drawn], [affect[target] for _, affect in drawn])
    assert correlation.statistic > least


@pytest.mark.parametrize("target", TARGETS)
def test_noise_bounds_what_any_model_can_reach(drawn: list[tuple[Causes, dict[str, float]]], target: str) -> None:
    labels = np.array([affect[target] for _, affect in drawn])
    ideal = [affect_of(causes, None)[target] for causes, _ in drawn]
    assert 0.82 < spearmanr(ideal, labels).statistic < 0.93
    assert labels.std() > 0.15
    assert 0.4 < labels.mean() < 0.6


@pytest.mark.parametrize("target", TARGETS)
def test_every_weight_moves_its_target_in_its_direction(target: str) -> None:
    middling = Causes(*[0.5] * 9)
    for cause, weight in FORMULAS[target].weights.items():
        moved = replace(middling, tempo=0.46) if cause == "pace" else replace(middling, **{cause: 0.9})
        change = affect_of(moved, None)[target] - affect_of(middling, None)[target]
        assert np.sign(change) == np.sign(weight)
