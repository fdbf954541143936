"""Convolutions of which only the largest value over all bands is wanted, at a fraction of the operations.

A plain convolution writes every filter's answer at every band and frame to memory, to be read again for its maximum.
Here a few frames at a time stay in the processor's cache, and the long sums are shortened. Answers and gradients equal
those of a plain convolution with a maximum behind it to some 1e-6.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

STEP = 8  # frames of a block of long filters
_IN_CACHE = {"cpu": 32}  # frames whose products fit a processor's cache
_ON_DEVICES = 4096  # frames at once elsewhere


def tall_peaks(image: Tensor, kernels: Tensor) -> Tensor:
    """Largest answer over the bands of filters that cover a few frames and many bands.

    The bands of a frame are taken through a Fourier transform, in which a filter's sum over bands is one product a bin.
    Back at the bands only the maximum is wanted: around the middle one, the answers are an even part and an odd part,
    so the larger of a pair is ``even + |odd|``, for half of the products.

    Args:
        image: float [B, T, F].
        kernels: float [C, frames, bands], an odd number of frames, no more bands than F.

    Returns:
        float [B, T, C]; as many frames as before, zeros being added at both ends, and no band.
    """
    batch, frames, bands = image.shape
    channels, taps, height = kernels.shape
    cosine, sine, shift = (torch.from_numpy(table).to(image.device) for table in _tables(bands, height))
    cosine, sine, shift = cosine.to(image.dtype), sine.to(image.dtype), shift.to(image.dtype.to_complex())
    spectrum = (torch.fft.rfft(kernels, n=bands, dim=2).conj() * shift).permute(2, 1, 0)
    real = torch.cat([spectrum.real, -spectrum.imag], dim=1)  # [bins, 2 taps, C]
    imaginary = torch.cat([spectrum.imag, spectrum.real], dim=1)
    parts = torch.view_as_real(torch.fft.rfft(F.pad(image, (0, 0, taps // 2, taps // 2)), dim=2))  # [B, T + …, bins, 2]
    windows = parts.unfold(1, taps, 1).permute(2, 0, 1, 3, 4).reshape(len(real), batch * frames, 2 * taps)
    peaks = []
    for part in torch.split(windows, _IN_CACHE.get(image.device.type, _ON_DEVICES), dim=1):
        even = cosine @ torch.bmm(part, real).flatten(1)
        odd = sine @ torch.bmm(part, imaginary).flatten(1)
        peaks.append((even + odd.abs()).amax(0).view(-1, channels))
    return torch.cat(peaks).view(batch, frames, channels)


@lru_cache(maxsize=8)  # arrays: a tensor that was made in inference mode could not be learnt with
def _tables(bands: int, height: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]:
    """Waves at each distance from the middle [distances, bins], even and odd, and the shift to the middle [bins]."""
    bins, middle = np.arange(bands // 2 + 1), (bands - height) / 2
    distances = np.arange(middle % 1, middle + 1)  # halves where two bands are in the middle
    angles = 2 * np.pi * np.outer(distances, bins) / bands
    share = np.where((bins == 0) | (2 * bins == bands), 1, 2) / bands  # other bins stand for their mirror image too
    return share * np.cos(angles), -share * np.sin(angles), np.exp(2j * np.pi * bins * middle / bands)


def long_peaks(image: Tensor, kernels: Tensor) -> Tensor:
    """Largest answer over the bands of filters that cover many frames of one band.

    A block of frames is multiplied by all filters at all offsets within the block at once.

    Args:
        image: float [B, T, F].
        kernels: float [C, frames].

    Returns:
        float [B, T, C]; zeros are added at both ends, for an even number of frames one more at the end.
    """
    batch, frames, bands = image.shape
    channels, length = kernels.shape
    blocks, before = -(-frames // STEP), (length - 1) // 2
    padded = F.pad(image.transpose(1, 2), (before, blocks * STEP - frames + length - 1 - before))
    shifted = torch.stack([F.pad(kernels, (offset, STEP - 1 - offset)) for offset in range(STEP)])
    weights = shifted.flatten(0, 1).T  # [length + STEP - 1, STEP C]
    windows = (
        padded.unfold(2, length + STEP - 1, STEP).transpose(1, 2).flatten(0, 1)
    )  # [B blocks, F, length + STEP - 1]
    peaks = [
        (part.flatten(0, 1) @ weights).view(len(part), bands, -1).amax(1)
        for part in torch.split(windows, _IN_CACHE.get(image.device.type, _ON_DEVICES) // STEP)
    ]
    return torch.cat(peaks).view(batch, blocks * STEP, channels)[:, :frames]
