from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor

from music_affect.evaluation.baselines.choice import choose

WEAK, STRONG = Ridge(alpha=1e-3), Ridge(alpha=100.0)


def noisy(clips: int = 120, figures: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(clips, figures))
    return inputs, inputs[:, :3].sum(axis=1) + 2 * rng.normal(size=clips)


def test_another_penalty_is_taken_only_where_it_is_clearly_better() -> None:
    inputs, values = noisy()
    own = np.arange(len(values))
    assert choose([WEAK, STRONG], inputs, values, own) is STRONG
    assert choose([STRONG, WEAK], inputs, values, own) is STRONG
    nearly = Ridge(alpha=105.0)
    assert choose([nearly, STRONG], inputs, values, own) is nearly


def test_clips_of_a_group_are_held_out_together() -> None:
    """Each song stands there twice: with its copy at hand the nearest neighbour alone would be perfect."""
    inputs, values = noisy(60, 20)
    inputs, values, songs = np.tile(inputs, (2, 1)), np.tile(values, 2), np.tile(np.arange(60), 2)
    one, many = KNeighborsRegressor(1), KNeighborsRegressor(15)
    assert choose([many, one], inputs, values, np.arange(120)) is one
    assert choose([many, one], inputs, values, songs) is many


def test_the_choice_is_that_of_folds_in_all_columns() -> None:
    """The rotation to fewer columns changes no loss."""
    inputs, values = noisy(40)
    folds = list(GroupKFold(5, shuffle=True, random_state=0).split(inputs, groups=np.arange(40)))
    losses = [(cross_val_predict(one, inputs, values, cv=folds) - values) ** 2 for one in (WEAK, STRONG)]
    gain = losses[0] - losses[1]
    clear = gain.mean() > gain.std() / np.sqrt(40)
    assert choose([WEAK, STRONG], inputs, values, np.arange(40)) is (STRONG if clear else WEAK)


@pytest.mark.parametrize("groups", [np.zeros(40, int), np.repeat([0, 1], 20)])
def test_where_nothing_can_be_held_out_the_usual_one_stays(groups: np.ndarray) -> None:
    inputs, _ = noisy(40, 5)
    labels = np.repeat([0, 1], 20)  # the second case: without a group, one class is left
    models = [LogisticRegression(C=1e-6), LogisticRegression()]
    assert choose(models, inputs, labels, groups) is models[0]


def test_classes_that_a_fold_lacks_do_not_stop_the_choice() -> None:
    inputs, _ = noisy(40, 5)
    labels = np.repeat([0, 1, 2], [19, 19, 2])
    inputs[:, 0] += 5 * labels
    models = [LogisticRegression(C=1e-6), LogisticRegression()]
    assert choose(models, inputs, labels, np.arange(40)) is models[1]
