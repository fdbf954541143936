"""From tracks to a recording: distortion, ducking, equaliser, reverb, noise, compression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import lfilter

from music_affect.data.synthesis.instruments import SAMPLE_RATE, Samples
from music_affect.data.synthesis.score import Hit
from music_affect.data.synthesis.song import Song

PEAK = 0.9


def mix(tracks: Mapping[str, Samples], kicks: Sequence[Hit], song: Song, rng: np.random.Generator) -> Samples:
    """Mix the tracks of a song down.

    Args:
        tracks: float32 [samples] by role.
        kicks: what ducks the other parts where the song pumps.
        song: levels, drive, brightness, loudness, reverb, noise and the artist's sound.
        rng: source of noise and reverb.

    Returns:
        Mono recording, float32 [samples], within ±``PEAK``.
    """
    dry = np.zeros_like(next(iter(tracks.values())))
    ducking = _ducking(kicks, song.pump, len(dry)) if song.pump > 0.05 and kicks else None
    for role, track in tracks.items():
        driven = _distorted(track, song.drive) if role in ("comp", "lead") else track
        level = np.float32(10.0 ** (song.parts[role].level / 20.0) / (1e-4 + _rms(driven) ** 0.5))
        dry += level * (driven * ducking if ducking is not None and role != "drums" else driven)
    wet = _room_and_equaliser(dry, song, rng)
    wet *= np.float32(0.12) / (_rms(wet) + 1e-6)
    noise = _background(len(wet), rng) * np.float32(0.12 * 10.0 ** (song.noise / 20.0))
    drive = np.float32(0.5 + 4.0 * song.loudness)
    loud = np.tanh(drive * (wet + noise))
    return np.asarray(loud * np.float32(PEAK * rng.uniform(0.3, 1.0) / (np.abs(loud).max() + 1e-6)), dtype=np.float32)


def _rms(track: Samples) -> float:
    # Not np.dot: its sum depends on the number of BLAS threads, and with it the bytes of the corpus.
    return float(np.sqrt(np.mean(np.square(track))))


def _distorted(track: Samples, drive: float) -> Samples:
    if drive < 0.1:
        return track
    overdriven = np.tanh(track * np.float32(0.5 * 60.0**drive / (_rms(track) + 1e-4) * 0.25))
    # A guitar cabinet: one pole near 3.5 kHz, twice.
    pole = np.float32(np.exp(-2.0 * np.pi * 3500.0 / SAMPLE_RATE))
    gain = (1 - pole) ** 2
    return np.asarray(lfilter([gain], np.array([1.0, -2 * pole, pole**2], np.float32), overdriven), dtype=np.float32)


def _ducking(kicks: Sequence[Hit], depth: float, total: int) -> Samples:
    gain = np.ones(total, dtype=np.float32)
    dip = 1.0 - depth * np.exp(-np.arange(int(0.35 * SAMPLE_RATE), dtype=np.float32) / (0.11 * SAMPLE_RATE))
    for kick in kicks:
        if kick.start >= 0.0:
            window = gain[int(kick.start * SAMPLE_RATE) :][: len(dip)]
            np.minimum(window, dip[: len(window)], out=window)
    return gain


def _room_and_equaliser(dry: Samples, song: Song, rng: np.random.Generator) -> Samples:
    """Reverb and equaliser in one pass through the spectrum."""
    tail = int(song.artist.room * SAMPLE_RATE)
    impulse = rng.standard_normal(tail, dtype=np.float32)
    impulse *= np.exp(-6.9 * np.arange(tail, dtype=np.float32) / tail)
    impulse *= np.float32(song.reverb / np.sqrt(np.square(impulse).sum()))
    impulse[0] += 1.0
    size = next_fast_len(len(dry) + tail, real=True)
    spectrum = rfft(dry, size) * rfft(impulse, size)
    return np.asarray(irfft(spectrum * _equaliser(size, song), size)[: len(dry)], dtype=np.float32)


def _equaliser(size: int, song: Song) -> npt.NDArray[np.float32]:
    """Gain of each bin of a spectrum, float32 [size // 2 + 1]: a slope around 1 kHz between two cuts."""
    grid = np.geomspace(10.0, SAMPLE_RATE / 2, 200)
    slope = song.artist.tilt + 6.0 * (song.brightness - 0.5)
    decibels = slope * np.clip(np.log2(grid / 1000.0), -5.0, 4.0)
    gain = 10.0 ** (decibels / 20.0)
    gain /= np.sqrt(1.0 + (song.artist.low_cut / grid) ** 4) * np.sqrt(1.0 + (grid / song.artist.high_cut) ** 6)
    return np.interp(np.linspace(0.0, SAMPLE_RATE / 2, size // 2 + 1), grid, gain).astype(np.float32)


def _background(total: int, rng: np.random.Generator) -> Samples:
    """Hiss with unit power, a little stronger in the low frequencies."""
    hiss = lfilter([1.0], np.array([1.0, -0.5], np.float32), rng.standard_normal(total, dtype=np.float32))
    return np.asarray(hiss / _rms(hiss), dtype=np.float32)
