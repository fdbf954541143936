"""Spectra, mel power and the percussive part on a device of torch's, all frames at once.

Single precision throughout, where librosa's transform uses double: mel levels differ by some 1e-3 dB at most, far
from the loudest part, and beats on rare clips. Everything takes any device, so tests hold it to the other path.

Reference:
    Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from music_affect.contracts.errors import ConfigurationError
from music_affect.features.analysis import Analysis
from music_affect.features.spectrogram import Floats, mel_bands

KERNEL = 31  # frames and bins of the two medians

_MEDIAN_ELEMENTS = 1 << 26  # in the windows of one step of the running median: 256 MiB
_TINY = torch.finfo(torch.float32).tiny


def require_device(name: str) -> None:
    """Raises ``ConfigurationError`` where torch does not find the device."""
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        found = f"device={name} for the features, which torch does not find here"
        raise ConfigurationError(found, expected="cpu or a device of this machine", fix="set device=cpu") from error


class TorchAnalysis(Analysis):
    """As ``Analysis``, with the heavy steps on a device; beats and chroma as there.

    Args:
        audio: mono, float32 [samples].
        sample_rate: samples a second.
        n_fft: samples a frame.
        hop_length: samples between frames.
        n_mels: mel bands.
        device: in torch's words, e.g. ``cuda:1``.
    """

    def __init__(
        self, audio: Floats, sample_rate: int, n_fft: int, hop_length: int, n_mels: int, device: str | torch.device
    ) -> None:
        super().__init__(audio, sample_rate, n_fft, hop_length, n_mels)
        self.device = torch.device(device)

    @cached_property
    def frames(self) -> Tensor:
        """Fourier transform on the device, complex64 [T, bins]."""
        return transform(torch.from_numpy(self.audio).to(self.device), self.n_fft, self.hop_length)

    @cached_property
    def spectrum(self) -> NDArray[np.complex64]:
        return self.frames.cpu().numpy().T

    @cached_property
    def magnitude(self) -> Floats:
        return self.frames.abs().cpu().numpy().T

    @cached_property
    def mel(self) -> Floats:
        bands = torch.from_numpy(mel_bands(self.sample_rate, self.n_fft, self.n_mels)).to(self.device)
        return (bands @ self.frames.abs().square().T).cpu().numpy()

    @cached_property
    def percussive(self) -> Floats:
        return percussive(self.frames, self.hop_length, len(self.audio)).cpu().numpy()


def transform(audio: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Short-time Fourier transform with a Hann window and centred frames.

    Args:
        audio: float32 [samples].
        n_fft: samples a frame.
        hop_length: samples between frames.

    Returns:
        complex64 [T, 1 + n_fft / 2].
    """
    window = torch.hann_window(n_fft, device=audio.device)
    return torch.stft(audio, n_fft, hop_length, window=window, pad_mode="constant", return_complex=True).T


def percussive(spectrum: Tensor, hop_length: int, samples: int) -> Tensor:
    """Signal of the percussive part.

    Args:
        spectrum: complex64 [T, bins].
        hop_length: samples between frames.
        samples: length of the clip.

    Returns:
        float32 [samples].
    """
    magnitude = spectrum.abs()
    kept, other = running_median(magnitude, 1, KERNEL), running_median(magnitude, 0, KERNEL)
    larger = torch.maximum(kept, other)
    silent = larger < _TINY
    share, rest = (kept / larger).square(), (other / larger).square()
    mask = torch.where(silent, 0.5, share / (share + rest))
    return invert(spectrum * mask, hop_length, samples)


def running_median(values: Tensor, axis: int, size: int) -> Tensor:
    """Centred running median along one axis, the edges mirrored; the same numbers on every device.

    Args:
        values: without NaN, float32 [rows, columns].
        axis: the axis to run along, 0 or 1.
        size: elements in the window, odd.
    """
    series = values.movedim(axis, 1)
    mirrored = np.pad(np.arange(series.shape[1]), size // 2, mode="symmetric")
    padded = series[:, torch.from_numpy(mirrored).to(values.device)]
    rows = max(1, _MEDIAN_ELEMENTS // (size * series.shape[1]))
    medians = [block.unfold(1, size, 1).median(dim=-1).values for block in torch.split(padded, rows)]
    return torch.cat(medians).movedim(1, axis)


def invert(spectrum: Tensor, hop_length: int, samples: int) -> Tensor:
    """Inverse of ``transform``: complex64 [T, bins] to float32 [samples]."""
    n_fft = 2 * (spectrum.shape[1] - 1)
    window = torch.hann_window(n_fft, device=spectrum.device)
    return torch.istft(spectrum.T, n_fft, hop_length, window=window, length=samples)
