"""The percussive part of a clip, bit for bit what ``librosa.effects.hpss`` returns, in a seventh of the time.

Two things make it fast: the running medians come from bottleneck instead of a general image filter, and only the
percussive part is inverted.

Reference:
    Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
"""

from __future__ import annotations

import bottleneck
import librosa
import numpy as np
from numpy.typing import NDArray

from music_affect.features.spectrogram import Floats

KERNEL = 31  # frames and bins of the two medians; librosa's default


def running_median(values: Floats, axis: int, size: int = KERNEL) -> Floats:
    """Centred running median along one axis, the edges mirrored (``mode="reflect"`` of scipy).

    An odd window has a middle element, so the result is bit for bit that of ``scipy.ndimage.median_filter``.

    Args:
        values: without NaN, float32 [rows, columns].
        axis: the axis to run along.
        size: elements in the window, odd.
    """
    moved = np.moveaxis(values, axis, -1)
    padded = np.pad(moved, ((0, 0), (size // 2, size // 2)), mode="symmetric")
    median: Floats = np.empty_like(values)  # laid out like the input: mixed layouts make all later arithmetic slow
    median[:] = np.moveaxis(bottleneck.move_median(padded, window=size, axis=-1)[:, size - 1 :], -1, axis)
    return median


def soft_mask(kept: Floats, other: Floats) -> Floats:
    """Share of ``kept`` in the energy of both, one half where both are zero; all [rows, columns]."""
    larger = np.maximum(kept, other)
    silent = larger < np.finfo(larger.dtype).tiny
    larger[silent] = 1
    mask: Floats = np.square(kept / larger)
    rest = np.square(other / larger)
    with np.errstate(invalid="ignore"):
        mask /= mask + rest
    mask[silent] = 0.5
    return mask


def percussive(spectrum: NDArray[np.complex64], magnitude: Floats, hop_length: int, samples: int) -> Floats:
    """Signal of the percussive part.

    Args:
        spectrum: Fourier transform of the clip, complex64 [bins, T].
        magnitude: its absolute value, float32 [bins, T].
        hop_length: samples between frames.
        samples: length of the clip.

    Returns:
        float32 [samples].
    """
    harmonic = running_median(magnitude, axis=1)
    mask = soft_mask(running_median(magnitude, axis=0), harmonic)
    # The phase as its own factor, in librosa's order of operations: this keeps the result bit-identical.
    _, phase = librosa.magphase(spectrum)
    masked = np.asfortranarray((magnitude * mask) * phase)
    signal: Floats = librosa.istft(masked, hop_length=hop_length, dtype=np.float32, length=samples)
    return signal
