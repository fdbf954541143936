"""The path on a device of torch's gives the numbers of the other path; here the device is the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from music_affect.contracts.errors import ConfigurationError
from music_affect.features import torch_spectrum
from music_affect.features.analysis import Analysis
from music_affect.features.beat import LibrosaBeats
from music_affect.features.extractor import AudioExtractor
from music_affect.features.percussive import invert
from music_affect.features.running_median import running_median
from music_affect.features.spectrogram import to_decibels, transform

RATE = 22050
CPU = torch.device("cpu")


def song(bpm: float = 100.0, seconds: float = 8.0) -> np.ndarray:
    """Clicks over a held note and noise, float32 [samples]."""
    time = np.arange(int(seconds * RATE)) / RATE
    rng = np.random.default_rng(7)
    audio = 0.1 * np.sin(2 * np.pi * 262 * time) + 0.01 * rng.standard_normal(len(time))
    audio += 0.5 * np.exp(-(time % (60 / bpm)) * 60) * rng.standard_normal(len(time))
    return audio.astype(np.float32)


@pytest.mark.parametrize("bpm", [80.0, 130.0])
def test_levels_percussive_part_and_beats(bpm):
    settings = (song(bpm), RATE, 2048, 512, 128)
    ours, other = Analysis(*settings), torch_spectrum.TorchAnalysis(*settings, CPU)
    np.testing.assert_allclose(to_decibels(other.mel), to_decibels(ours.mel), rtol=0, atol=0.01)
    np.testing.assert_allclose(other.percussive, ours.percussive, rtol=0, atol=1e-5)
    np.testing.assert_allclose(other.chroma, ours.chroma, rtol=0, atol=1e-4)
    np.testing.assert_allclose(other.loudness, ours.loudness, rtol=0, atol=0.01)
    np.testing.assert_allclose(other.spectrum, ours.spectrum, rtol=0, atol=1e-3)
    assert len(ours.beats(LibrosaBeats())) > 5
    np.testing.assert_array_equal(other.beats(LibrosaBeats()), ours.beats(LibrosaBeats()))


@pytest.mark.parametrize("shape", [(40, 50), (3, 90)])
@pytest.mark.parametrize("axis", [0, 1])
def test_running_median_is_bit_identical(shape, axis, monkeypatch):
    values = np.random.default_rng(0).exponential(size=shape).astype(np.float32)
    values[:2] = 0
    monkeypatch.setattr(torch_spectrum, "_MEDIAN_ELEMENTS", 4000)  # several steps
    found = torch_spectrum.running_median(torch.from_numpy(values), axis, 31)
    np.testing.assert_array_equal(found.numpy(), running_median(values, axis, 31))


@pytest.mark.parametrize(("n_fft", "hop", "samples"), [(2048, 512, 30000), (1024, 512, 9000), (512, 100, 700)])
def test_inverse_transform(n_fft, hop, samples):
    spectrum = transform(song()[:samples], n_fft, hop)
    found = torch_spectrum.invert(torch.from_numpy(spectrum.T.copy()), hop, samples).numpy()
    assert found.shape == (samples,)
    expected = invert(spectrum, hop, samples)
    # Where hardly any window reaches, both divide rounding errors by next to nothing.
    inner = np.abs(expected) < 10
    np.testing.assert_allclose(found[inner], expected[inner], rtol=0, atol=1e-2 if hop == n_fft else 1e-5)


def test_silence_is_finite():
    silence = torch.zeros(3 * RATE)
    percussive = torch_spectrum.percussive(torch_spectrum.transform(silence, 2048, 512), 512, len(silence))
    assert (percussive == 0).all()


@pytest.mark.parametrize("device", ["cuda:99", "warp-drive"])
def test_device_that_is_not_there_is_refused(device):
    with pytest.raises(ConfigurationError) as caught:
        AudioExtractor(device=device)
    assert str(caught.value) == (
        f"device={device} for the features, which torch does not find here; expected cpu or a device of this machine; "
        "set device=cpu."
    )
