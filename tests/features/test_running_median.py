"""The running median: scipy's numbers, and the definition where the axis is short."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage

from music_affect.features.running_median import running_median


def values(shape: tuple[int, int]) -> np.ndarray:
    """Positive numbers with many zeros and equal ones, float32."""
    drawn = np.random.default_rng(0).exponential(size=shape).astype(np.float32)
    drawn[drawn < 0.3] = 0
    drawn[drawn > 2] = 2
    return drawn


def definition(series: np.ndarray, size: int) -> np.ndarray:
    """Along the first axis, from windows written out."""
    mirrored = np.pad(series, ((size // 2, size // 2), (0, 0)), mode="symmetric")
    return np.stack([np.median(mirrored[row : row + size], axis=0) for row in range(len(series))])


@pytest.mark.parametrize("shape", [(40, 50), (31, 31), (16, 200), (129, 64), (65, 130)])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("size", [3, 31])
def test_bit_identical_to_scipy(shape, axis, size):
    sizes = (size, 1) if axis == 0 else (1, size)
    expected = scipy.ndimage.median_filter(values(shape), size=sizes, mode="reflect")
    np.testing.assert_array_equal(running_median(values(shape), axis, size), expected)


@pytest.mark.parametrize("length", [1, 2, 3, 10, 14, 15, 16])
@pytest.mark.parametrize("size", [1, 31, 101])
def test_axis_shorter_than_the_window_is_mirrored_several_times(length, size):
    series = values((length, 70))
    np.testing.assert_array_equal(running_median(series, 0, size), definition(series, size))
    np.testing.assert_array_equal(running_median(series.T, 1, size), definition(series, size).T)


@pytest.mark.parametrize("axis", [0, 1])
def test_layout_in_memory_does_not_matter_and_is_kept(axis):
    rows = values((50, 90))
    columns = np.asfortranarray(rows)
    np.testing.assert_array_equal(running_median(rows, axis, 5), running_median(columns, axis, 5))
    assert running_median(rows, axis, 5).flags.c_contiguous
    assert running_median(columns, axis, 5).flags.f_contiguous
