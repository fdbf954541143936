"""The yardsticks of a run: they learn what is there, and nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from running import QUICK, compose

from music_affect.configuration import build
from music_affect.data.preparation import Prepared
from music_affect.evaluation import references
from music_affect.training.experiment import prepare


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    cfg = compose("train", *QUICK, "task=joint")
    return prepare(cfg, build.source(cfg))


def scores(prepared: Prepared, *words: str) -> dict[str, Any]:
    view = build.view(compose("train", *QUICK, *words), prepared.cache.identity.blocks)
    return references.scores(prepared, references.answers(prepared, view))


def linear(prepared: Prepared) -> tuple[float, float]:
    """Macro F1 of the class and mean Spearman correlation of the scales."""
    found = scores(prepared)["linear"]
    return found["classification"]["f1_macro"]["value"], found["regression"]["spearman"]["value"]


def shuffled(prepared: Prepared, seed: int) -> Prepared:
    train = prepared.splits["train"]
    order = np.random.default_rng(seed).permutation(len(train))
    mixed = [replace(clip, labels=train[other].labels) for clip, other in zip(train, order, strict=True)]
    return replace(prepared, splits={**prepared.splits, "train": mixed})


def test_shuffled_labels_fall_to_chance(prepared: Prepared) -> None:
    broken = np.mean([linear(shuffled(prepared, seed)) for seed in range(8)], axis=0)
    assert broken[0] < 0.2
    assert abs(broken[1]) < 0.2
    assert (linear(prepared) > broken + 0.3).all()


def test_references_learn_from_the_clips_that_carry_a_label(prepared: Prepared) -> None:
    for name, expected in (("genre", "classification"), ("energy", "regression")):
        kept = [clip for place, clip in enumerate(prepared.splits["train"]) if place % 3]
        lacking = [
            replace(clip, labels={other: value for other, value in clip.labels.items() if other != name})
            for place, clip in enumerate(prepared.splits["train"])
            if not place % 3
        ]
        targets = {name: prepared.targets[name]}
        some = replace(prepared, targets=targets, splits={**prepared.splits, "train": [*lacking, *kept]})
        found = scores(some)
        assert found == scores(replace(prepared, targets=targets, splits={**prepared.splits, "train": kept}))
        assert found["majority"].keys() == found["linear"].keys() == {expected}


def test_fitted_references_come_back_from_plain_containers(prepared: Prepared) -> None:
    view = build.view(compose("train", *QUICK), prepared.cache.identity.blocks)
    rows = references.rows(prepared, view, prepared.splits["test"])
    for make in references.MAKERS.values():
        fitted = references.fit(make, prepared, view)
        known = {name: prepared.targets[name] for name in fitted}
        again = references.predict(references.from_dict(references.to_dict(fitted), known), rows)
        for name, expected in references.predict(fitted, rows).items():
            np.testing.assert_array_equal(again[name], expected)


def test_statistics_are_kept_beside_the_cache(prepared: Prepared) -> None:
    scores(prepared, "features=mel")
    assert list(prepared.cache.folder.glob("statistics-v*-mel-*.npy"))
