"""The yardsticks of a run: they learn what is there, and nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from running import QUICK, compose

from music_affect import build, references
from music_affect.preparation import Prepared, prepare


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    cfg = compose("train", *QUICK)
    return prepare(cfg, build.source(cfg), lambda line: None)


def linear_f1(prepared: Prepared, *words: str) -> float:
    view = build.view(compose("train", *QUICK, *words), prepared.cache.identity.blocks)
    value: float = references.scores(prepared, view)["linear"]["f1_macro"]["value"]
    return value


def shuffled(prepared: Prepared, seed: int) -> Prepared:
    train = prepared.splits["train"]
    order = np.random.default_rng(seed).permutation(len(train))
    mixed = [replace(clip, labels=train[other].labels) for clip, other in zip(train, order, strict=True)]
    return replace(prepared, splits={**prepared.splits, "train": mixed})


def test_shuffled_labels_fall_to_chance(prepared: Prepared) -> None:
    broken = np.mean([linear_f1(shuffled(prepared, seed)) for seed in range(8)])
    assert broken < 0.2
    assert linear_f1(prepared) > broken + 0.3


def test_statistics_are_kept_beside_the_cache(prepared: Prepared) -> None:
    linear_f1(prepared, "features=mel")
    assert list(prepared.cache.folder.glob("statistics-v*-mel-*.npy"))
