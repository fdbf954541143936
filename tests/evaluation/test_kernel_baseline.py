from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import StandardScaler

from music_affect.contracts.errors import ConfigurationError
from music_affect.contracts.spec import Categorical, Continuous
from music_affect.evaluation.baselines import kernel
from music_affect.evaluation.baselines.fitted import KernelMap
from music_affect.evaluation.baselines.kernel import KernelReference

FREE = Continuous(None, None)


def curved(clips: int = 200, figures: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Clips whose label is the distance of their statistics from the middle, which no linear model finds."""
    columns = np.random.default_rng(1).normal(size=(clips, figures))
    return (columns * np.geomspace(1e-3, 1e3, figures) + 5).astype(np.float32), np.linalg.norm(columns, axis=1) + 7


@pytest.mark.parametrize("figures", [6, 300])
def test_kernel_equals_sklearn_on_standardised_statistics(figures: int) -> None:
    statistics, values = curved(figures=figures)
    scaler = StandardScaler().fit(statistics[:150].astype(np.float64))
    inputs, mean = scaler.transform(statistics.astype(np.float64)), values[:150].mean()
    ridge = KernelRidge(alpha=0.1, kernel="rbf", gamma=0.3 / figures).fit(inputs[:150], values[:150] - mean)
    found = KernelReference([0.1], [0.3]).fit(statistics[:150], values[:150], FREE).predict(statistics)
    np.testing.assert_allclose(found, ridge.predict(inputs) + mean, rtol=1e-5)


def test_kernel_learns_what_is_not_linear() -> None:
    statistics, values = curved()
    found = KernelReference().fit(statistics[:150], values[:150], FREE).predict(statistics[150:])
    assert spearmanr(found, values[150:])[0] > 0.8


def test_many_clips_are_stood_for_by_some(monkeypatch: pytest.MonkeyPatch) -> None:
    statistics, values = curved(600)
    exact = KernelReference([0.1], [0.3]).fit(statistics, values, FREE).predict(statistics)
    monkeypatch.setattr(kernel, "EXACT", 500)
    monkeypatch.setattr(kernel, "LANDMARKS", 300)
    fitted = KernelReference([0.1], [0.3]).fit(statistics, values, FREE)
    assert isinstance(fitted, KernelMap)
    assert fitted.support.shape == (300, 6)
    assert np.abs(fitted.predict(statistics) - exact).std() < 0.1 * values.std()


def test_a_kernel_for_a_class_is_refused() -> None:
    statistics, _ = curved(20)
    with pytest.raises(ConfigurationError, match=r"KernelReference for labels that are categorical.*model\.reference"):
        KernelReference().fit(statistics, np.zeros(20, int), Categorical(("a", "b")))
