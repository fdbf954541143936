"""The network of musicnn for inference on a CPU: NumPy alone, in about a fifth of the operations of plain convolutions.

- The vertical filters lie within 96 mel bands, so they are multiplied in the discrete Fourier transform over the bands.
  Back in bands only a maximum is wanted: around the middle band the answers are an even part and an odd part, so that
  the larger of a pair is ``even + |odd|``, at half of the products.
- The horizontal filters are matrix products over blocks of frames, a filter being repeated at each offset in a block.
- Each batch norm after a maximum or a dense layer is one factor and one offset.

Answers equal those of the plain network (``models.musicnn``) to a few 1e-6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from music_affect.models.musicnn_wheel import CHANNELS, N_MELS, POOLED, numbered

Floats = NDArray[np.float32]

NORM_EPS = 1e-3
TAPS = 7  # frames that a vertical filter and a later convolution see
STEP = 8  # frames of a block
GROUP = 6  # blocks whose product with the filters stays in a processor's cache
CHUNK = 32  # frames likewise
BINS = N_MELS // 2 + 1


class Affine(NamedTuple):
    """A batch norm in inference mode."""

    factor: Floats
    offset: Floats

    def __call__(self, values: Floats) -> Floats:
        return values * self.factor + self.offset


class Answers(NamedTuple):
    """What the network says of patches.

    Args:
        embedding: of the last layer but one, float32 [P, 200].
        pooled: the mean over time of front end and later layers, float32 [P, 753].
        tags: probabilities, float32 [P, 50].
    """

    embedding: Floats
    pooled: Floats
    tags: Floats


class Layer(NamedTuple):
    """Bias, ReLU and batch norm after a product, of which only the largest value over the bands is wanted.

    Args:
        sign: -1 for filters whose norm has a negative factor: their smallest value is wanted. It is in the weights.
        bias: added before the ReLU.
        norm: after it.
    """

    sign: Floats
    bias: Floats
    norm: Affine

    def __call__(self, largest: Floats) -> Floats:
        return self.norm(np.maximum(largest * self.sign + self.bias, 0))


class MusicnnInference:
    """MSD_musicnn in inference mode.

    Args:
        weights: by the names in the published bundle.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._weights = weights
        norms = [_norm(weights, number) for number in range(11)]
        self._input, self._pooled_norm, self._embedding_norm = norms[0], norms[9], norms[10]
        self._front = [
            Layer(np.where(norm.factor < 0, -1, 1).astype(np.float32), weights[f"{_conv(number)}/bias"], norm)
            for number, norm in enumerate(norms[1:6])
        ]
        kernels = [
            weights[f"{_conv(number)}/kernel"][..., 0, :] * layer.sign for number, layer in enumerate(self._front)
        ]
        self._vertical = [_Vertical(kernel) for kernel in kernels[:2]]
        self._horizontal = [_Horizontal(kernel[:, 0]) for kernel in kernels[2:]]
        self._later = [
            (
                weights[f"{_conv(number)}/kernel"].reshape(-1, CHANNELS),
                weights[f"{_conv(number)}/bias"],
                norms[number + 1],
            )
            for number in (5, 6, 7)
        ]

    def __call__(self, patches: Floats) -> Answers:
        """Embeddings, pooled channels and tags of patches [P, T, 96]."""
        answers = [self._answer(patch) for patch in patches]
        return Answers(*(np.stack(parts).astype(np.float32) for parts in zip(*answers, strict=True)))

    def front_end(self, patch: Floats) -> Floats:
        """The channels of the front end at each frame of a patch [T, 96], float32 [T, 561]."""
        image = self._input(patch)
        windows = _frequency_windows(image)
        found = [vertical(windows) for vertical in self._vertical]
        found += [horizontal(image) for horizontal in self._horizontal]
        return np.concatenate([layer(largest) for layer, largest in zip(self._front, found, strict=True)], axis=1)

    def _answer(self, patch: Floats) -> tuple[Floats, Floats, Floats]:
        frames = self.front_end(patch)
        joined, last = [frames], frames
        for number, (kernel, bias, norm) in enumerate(self._later):
            windows = sliding_window_view(np.pad(last, ((3, 3), (0, 0))), TAPS, axis=0)  # [T, channels, 7]
            product = windows.transpose(0, 2, 1).reshape(len(last), -1) @ kernel
            convolved = norm(np.maximum(product + bias, 0))
            last = convolved if number == 0 else convolved + last
            joined.append(last)
        channels = np.concatenate(joined, axis=1)
        mean = channels.mean(axis=0)
        pooled = np.stack([channels.max(axis=0), mean], axis=1).reshape(2 * POOLED)
        hidden = self._dense("dense", self._pooled_norm(pooled))
        embedding = self._embedding_norm(np.maximum(hidden, 0))
        return embedding, mean, 1 / (1 + np.exp(-self._dense("dense_1", embedding)))

    def _dense(self, name: str, values: Floats) -> Floats:
        product: Floats = values @ self._weights[f"{name}/kernel"] + self._weights[f"{name}/bias"]
        return product


class _Vertical:
    """The largest correlation of filters [7, height, C] over all bands, from the Fourier transform over the bands."""

    def __init__(self, kernel: Floats) -> None:
        places = N_MELS - kernel.shape[1] + 1
        bins, middle = np.arange(BINS), (places - 1) / 2
        spectrum = np.fft.rfft(kernel, n=N_MELS, axis=1).conj() * np.exp(2j * np.pi * bins * middle / N_MELS)[:, None]
        spectrum = spectrum.transpose(1, 0, 2)  # [bins, 7, C]
        self._real = np.concatenate([spectrum.real, -spectrum.imag], axis=1).astype(np.float32)
        self._imaginary = np.concatenate([spectrum.imag, spectrum.real], axis=1).astype(np.float32)
        distances = np.arange(middle % 1, middle + 1)  # from the middle: whole ones, or halves where there are two
        angles = 2 * np.pi * np.outer(distances, bins) / N_MELS
        share = np.where((bins == 0) | (bins == BINS - 1), 1, 2) / N_MELS  # other bins stand for their mirror image too
        self._cosine, self._sine = ((share * wave).astype(np.float32) for wave in (np.cos(angles), -np.sin(angles)))

    def __call__(self, windows: Floats) -> Floats:
        """Windows [bins, T, 14] to the largest value of each filter, float32 [T, C]."""
        channels = self._real.shape[2]
        largest = np.empty((windows.shape[1], channels), np.float32)
        for begin in range(0, len(largest), CHUNK):
            part = windows[:, begin : begin + CHUNK]
            even = self._cosine @ np.matmul(part, self._real).reshape(BINS, -1)
            odd = self._sine @ np.matmul(part, self._imaginary).reshape(BINS, -1)
            even += np.abs(odd, out=odd)
            largest[begin : begin + CHUNK] = even.max(axis=0).reshape(-1, channels)
        return largest


class _Horizontal:
    """The largest value over all bands of the convolution over time with filters [length, C], padded to equal length."""

    def __init__(self, kernel: Floats) -> None:
        self._length, self._channels = kernel.shape
        blocks = np.zeros((self._length + STEP - 1, STEP, self._channels), np.float32)
        for offset in range(STEP):
            blocks[offset : offset + self._length, offset] = kernel
        self._blocks = blocks.reshape(len(blocks), -1)

    def __call__(self, image: Floats) -> Floats:
        """A patch [T, 96] to float32 [T, C]."""
        frames, before = len(image), (self._length - 1) // 2
        count = -(-frames // STEP)
        padded = np.zeros((image.shape[1], count * STEP + self._length - 1), np.float32)
        padded[:, before : before + frames] = image.T
        windows = sliding_window_view(padded, len(self._blocks), axis=1)[:, ::STEP]  # [bands, blocks, length + 7]
        largest = np.empty((count, STEP * self._channels), np.float32)
        for begin in range(0, count, GROUP):
            part = windows[:, begin : begin + GROUP]
            product = part.reshape(-1, part.shape[2]) @ self._blocks
            largest[begin : begin + GROUP] = product.reshape(len(padded), part.shape[1], -1).max(axis=0)
        return largest.reshape(-1, self._channels)[:frames]


def _frequency_windows(image: Floats) -> Floats:
    """The spectrum over the bands of seven frames around each frame: [T, 96] to [bins, T, 14], real parts first."""
    spectrum = np.fft.rfft(np.pad(image, ((3, 3), (0, 0))), axis=1)
    parts = np.stack([spectrum.real, spectrum.imag]).astype(np.float32)  # [2, T + 6, bins]
    windows = sliding_window_view(parts, TAPS, axis=1)  # [2, T, bins, 7]
    return np.ascontiguousarray(windows.transpose(2, 1, 0, 3)).reshape(BINS, len(image), 2 * TAPS)


def _norm(weights: Mapping[str, Floats], number: int) -> Affine:
    name = numbered("batch_normalization", number)
    gamma, beta, mean, variance = (
        weights[f"{name}/{part}"].astype(np.float64) for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    factor = gamma / np.sqrt(variance + NORM_EPS)
    return Affine(factor.astype(np.float32), (beta - mean * factor).astype(np.float32))


def _conv(number: int) -> str:
    return numbered("conv2d", number)
