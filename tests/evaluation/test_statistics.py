from __future__ import annotations

import numpy as np
import pytest

from music_affect.features.clip_statistics.chroma_statistics import chroma_statistics
from music_affect.features.clip_statistics.moments import (
    MODULATION_BANDS,
    autocorrelation,
    modulation,
    moments,
    skewness,
)
from music_affect.features.clip_statistics.statistics import clip_statistics

FUSED = {"mel": (0, 128), "chroma": (128, 140)}
LAYOUTS = {
    "fused": FUSED,
    "mel": {"mel": (0, 128)},
    "chroma": {"chroma": (0, 12)},
    "mfcc": {"mfcc": (0, 40)},
    "narrow": {"mel": (0, 10)},
    "loudness": {"chroma": (0, 12), "loudness": (12, 13)},
    "embedding": {"pooled": (0, 90), "embedding": (90, 140)},
}


def clip(frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.hstack([rng.uniform(-80, 0, (frames, 128)), rng.random((frames, 12))]).astype(np.float32)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_length_gives_the_same_number_of_finite_figures(layout: str) -> None:
    vectors = [clip_statistics(clip(frames), LAYOUTS[layout]) for frames in (1, 2, 3, 60, 1292, 5000)]
    assert {vector.shape for vector in vectors} == {vectors[0].shape}
    assert all(np.isfinite(vector).all() and vector.dtype == np.float32 for vector in vectors)


@pytest.mark.parametrize("fill", [0.0, -80.0, 1.0])
def test_constant_features_are_finite_and_without_spread(fill: float) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        vector = clip_statistics(np.full((300, 140), fill, dtype), FUSED)
        assert np.isfinite(vector).all()
        np.testing.assert_allclose(vector[:128], fill, atol=1e-3)
        np.testing.assert_allclose(vector[128:512], 0, atol=1e-3)


def test_blocks_are_independent_and_in_order() -> None:
    features = clip(50)
    mel, chroma = (clip_statistics(features[:, cut], {name: (0, width)}) for cut, name, width in (
        (slice(0, 128), "mel", 128), (slice(128, 140), "chroma", 12)))  # fmt: skip
    np.testing.assert_array_equal(clip_statistics(features, FUSED), np.concatenate([mel, chroma]))


def test_an_embedding_is_its_mean_over_the_patches() -> None:
    rows = clip(10)
    expected = np.concatenate([rows[:, 128:].mean(axis=0), rows[:, :128].mean(axis=0)])
    found = clip_statistics(rows, {"embedding": (128, 140), "tags": (0, 128)})
    np.testing.assert_array_equal(found, expected)


def test_nothing_to_describe_is_refused() -> None:
    with pytest.raises(ValueError, match="T >= 1"):
        clip_statistics(np.zeros((0, 140)), FUSED)
    with pytest.raises(ValueError, match="a block"):
        clip_statistics(np.zeros((5, 140)), {})


def test_moments_of_a_known_column() -> None:
    column = np.array([[0], [0], [0], [4]], np.float32)
    mean, spread, skew, change, low, high = moments(column)
    assert (mean, spread, low, high) == pytest.approx((1, np.sqrt(3), 0, 4))
    assert skew == pytest.approx(2 / np.sqrt(3))
    assert change == pytest.approx(np.std([0, 0, 4]))
    assert skewness(-column)[0] == pytest.approx(-2 / np.sqrt(3))


@pytest.mark.parametrize(("period", "band"), [(200, 0), (16, 6), (3, 10), (2, 11)])
def test_modulation_finds_the_period_of_a_column(period: int, band: int) -> None:
    wave = np.cos(2 * np.pi * np.arange(1200) / period).astype(np.float32)
    bands = modulation(np.stack([wave, np.zeros_like(wave)], axis=1))
    assert bands.shape == (MODULATION_BANDS, 2)
    assert abs(int(bands[:, 0].argmax()) - band) <= (0 if band in (0, 11) else 1)
    assert np.ptp(bands[:, 1]) == 0


def test_autocorrelation_peaks_at_the_beat() -> None:
    clicks = (np.arange(400) % 25 == 0).astype(np.float32)
    correlation = autocorrelation(clicks, 40)
    assert correlation.argmax() + 1 == 25
    expected = np.correlate(clicks - clicks.mean(), clicks - clicks.mean(), "full")[400:440]
    np.testing.assert_allclose(correlation, expected / ((clicks - clicks.mean()) ** 2).sum(), atol=1e-5)
    assert not autocorrelation(clicks[:3], 40)[2:].any()


def test_chroma_figures_do_not_know_the_key() -> None:
    chroma = clip(80)[:, 128:] * np.linspace(0.2, 1, 12, dtype=np.float32)
    figures = chroma_statistics(chroma)
    for steps in (1, 5, 11):
        np.testing.assert_allclose(chroma_statistics(np.roll(chroma, steps, axis=1)), figures, atol=1e-5)
    assert not np.allclose(chroma_statistics(chroma[:, ::-1]), figures, atol=1e-3)


def test_rhythm_changes_the_statistics_though_the_frames_are_the_same() -> None:
    features = clip(400)
    features[::20, :128] += 30
    shuffled = features[np.random.default_rng(1).permutation(400)]
    first, second = clip_statistics(features, FUSED), clip_statistics(shuffled, FUSED)
    np.testing.assert_allclose(first[:256], second[:256], rtol=1e-4, atol=1e-3)
    assert np.abs(first - second).max() > 0.2
