from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from music_affect.contracts.spec import Categorical, Continuous
from music_affect.evaluation.baselines import neighbours
from music_affect.evaluation.baselines.fitted import Neighbours
from music_affect.evaluation.baselines.neighbours import NeighboursReference

RNG = np.random.default_rng(0)
STATISTICS = (RNG.normal(size=(90, 12)) * np.geomspace(1e-2, 1e3, 12)).astype(np.float32)
CLASSES, VALUES = RNG.integers(0, 3, 90), RNG.normal(size=90)
GENRES = Categorical(("a", "b", "c", "never"))


def inputs() -> np.ndarray:
    return StandardScaler().fit(STATISTICS[:60].astype(np.float64)).transform(STATISTICS.astype(np.float64))


@pytest.mark.parametrize("count", [1, 4])
def test_neighbours_are_those_of_sklearn(count: int) -> None:
    fitted = NeighboursReference([count]).fit(STATISTICS[:60], CLASSES[:60], GENRES)
    expected = KNeighborsClassifier(count, metric="cosine").fit(inputs()[:60], CLASSES[:60])
    np.testing.assert_allclose(fitted.predict(STATISTICS)[:, :3], expected.predict_proba(inputs()))
    assert not fitted.predict(STATISTICS)[:, 3].any()
    scale = NeighboursReference([count]).fit(STATISTICS[:60], VALUES[:60], Continuous())
    among = KNeighborsRegressor(count, metric="cosine").fit(inputs()[:60], VALUES[:60])
    np.testing.assert_allclose(scale.predict(STATISTICS), among.predict(inputs()))


def test_their_number_is_chosen_and_bounded_by_the_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = NeighboursReference([1, 25]).fit(STATISTICS[:60], VALUES[:60], Continuous())
    assert isinstance(noise, Neighbours)
    assert noise.count == 25
    few = NeighboursReference([9]).fit(STATISTICS[:3], VALUES[:3], Continuous())
    assert isinstance(few, Neighbours)
    assert few.count == 1
    monkeypatch.setattr(neighbours, "MOST", 20)
    kept = NeighboursReference([1]).fit(STATISTICS, VALUES, Continuous())
    assert isinstance(kept, Neighbours)
    assert kept.support.shape == (20, 12)
