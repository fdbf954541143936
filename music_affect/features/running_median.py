"""An exact running median, compiled for sixteen and more neighbouring series at once.

The window of each series is kept sorted. One pass over it inserts the sample that enters and removes the one that
leaves, by comparisons without branches, so that the processor does the same step for many series with one instruction.
On a spectrogram of 1025 x 1292 it takes 9 ms an axis where ``bottleneck.move_median`` takes 63, with the same numbers.
"""

from __future__ import annotations

import numba  # type: ignore[import-untyped]
import numpy as np

from music_affect.features.spectrogram import Floats

_LANES = 64  # series in a block: their sorted windows stay in the first-level cache


def running_median(values: Floats, axis: int, size: int) -> Floats:
    """Centred running median along one axis, the edges mirrored as often as needed (``mode="reflect"`` of scipy).

    An odd window has a middle element, so the result is bit for bit that of ``scipy.ndimage.median_filter`` (which
    scipy 1.17 gets wrong where the axis is shorter than half a window; this one does not).

    Args:
        values: without NaN, float32 [rows, columns].
        axis: the axis to run along, 0 or 1.
        size: elements in the window, odd.

    Returns:
        float32 [rows, columns], laid out in memory as ``values``.
    """
    length = values.shape[axis]
    mirrored = np.pad(np.arange(length), size // 2, mode="symmetric")
    medians: Floats = np.empty_like(values)
    series, answers = np.moveaxis(values, axis, 0), np.moveaxis(medians, axis, 0)
    padded = np.zeros((len(mirrored), _LANES), np.float32)
    block = np.empty((length, _LANES), np.float32)
    for first in range(0, series.shape[1], _LANES):
        lanes = min(_LANES, series.shape[1] - first)
        padded[:, :lanes] = series[mirrored, first : first + lanes]
        _slide(padded, block)
        answers[:, first : first + lanes] = block[:, :lanes]
    return medians


@numba.njit("void(float32[:, ::1], float32[:, ::1])", error_model="numpy", cache=True)  # type: ignore[untyped-decorator, misc]
def _slide(padded: Floats, medians: Floats) -> None:  # pragma: no cover - compiled
    """Medians of ``size`` rows from each row on: [T + size - 1, 64] to [T, 64]."""
    length = len(medians)
    size = len(padded) - length + 1
    window = np.full((size + 1, _LANES), np.inf, np.float32)  # ascending; the last row is where an insertion ends
    below = np.empty(_LANES, np.float32)
    shifted = np.empty(_LANES, np.float32)
    for row in range(size):
        below[:] = -np.inf
        for place in range(size):
            for lane in range(_LANES):
                here = window[place, lane]
                low = min(padded[row, lane], here)
                window[place, lane] = max(below[lane], low)
                below[lane] = here
    medians[0] = window[size // 2]
    for row in range(1, length):
        for lane in range(_LANES):
            below[lane] = window[0, lane]
            shifted[lane] = min(padded[row + size - 1, lane], below[lane])
        for place in range(size):
            for lane in range(_LANES):
                # `inserted` is what stands here once the new sample is in; from the old sample on, the next moves up.
                above = window[place + 1, lane]
                inserted = shifted[lane]
                following = max(below[lane], min(padded[row + size - 1, lane], above))
                window[place, lane] = inserted if inserted < padded[row - 1, lane] else following
                below[lane] = above
                shifted[lane] = following
        medians[row] = window[size // 2]
