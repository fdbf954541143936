"""From notes to sound: pitched tones through wavetables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft

from music_affect.data.synthesis.score import Note
from music_affect.data.synthesis.timbre import Timbre

SAMPLE_RATE = 22050

Samples = npt.NDArray[np.float32]

_TABLE = 2048
_VIBRATO_HZ = 5.5
_FORMANT_GAIN = 4.0


def add_at(track: Samples, start: int, velocity: float, sound: Samples) -> None:
    """Add a sound to a track in place, leaving out what lies before the track's beginning or past its end."""
    sound = sound[max(0, -start) : max(0, len(track) - start)]
    start = max(0, start)
    track[start : start + len(sound)] += np.float32(velocity) * sound


class Instrument:
    """Plays notes of one timbre; a pitch that returns with the same length is computed once.

    Args:
        timbre: the sound.
        brightness: 0 dark to 1 bright.
        longest: the longest note, in seconds.
        rng: source of the breath.
    """

    def __init__(self, timbre: Timbre, brightness: float, longest: float, rng: np.random.Generator) -> None:
        self._timbre, self._rng = timbre, rng
        self._shift = 1.2 * (0.5 - brightness)
        time = np.arange(int((longest + timbre.release + 0.05) * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
        attack = np.minimum(time / timbre.attack, 1.0)
        self._bright_envelope: Samples = (attack * np.exp(-time / timbre.bright_decay)).astype(np.float32)
        self._dull_envelope: Samples = (attack * np.exp(-time / timbre.dull_decay)).astype(np.float32)
        # Deviation in hertz of 1 cent at 1 Hz, integrated: adds to the time that a phase is computed from.
        wobble = timbre.vibrato * np.log(2.0) / 1200.0 / (2.0 * np.pi * _VIBRATO_HZ)
        self._time: Samples = (time + wobble * np.sin(2.0 * np.pi * _VIBRATO_HZ * time)).astype(np.float32)
        self._tables: dict[int, tuple[Samples, Samples]] = {}
        self._tones: dict[tuple[int, int], Samples] = {}

    def play(self, notes: Sequence[Note], total: int) -> Samples:
        """Add all notes up, float32 [total] samples."""
        track = np.zeros(total, dtype=np.float32)
        for note in notes:
            start = int(note.start * SAMPLE_RATE)
            # Lengths in steps of 20 ms, so that more notes are found again.
            add_at(track, start, note.velocity, self._tone(note.pitch, max(1, round(note.seconds * 50))))
        return track

    def _tone(self, pitch: int, length: int) -> Samples:
        if (pitch, length) not in self._tones:
            self._tones[pitch, length] = self._render(pitch, length)
        return self._tones[pitch, length]

    def _render(self, pitch: int, length: int) -> Samples:
        release = int(self._timbre.release * SAMPLE_RATE)
        samples = min(length * SAMPLE_RATE // 50 + release, len(self._time))
        bright, dull = self._wavetables(pitch)
        hertz = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
        tone: Samples = np.zeros(samples, dtype=np.float32)
        for cents in (0.0, self._timbre.detune) if self._timbre.detune else (0.0,):
            phase = self._time[:samples] * np.float32(hertz * 2.0 ** (cents / 1200.0) * _TABLE)
            index = phase.astype(np.int32) & (_TABLE - 1)
            tone += bright[index] * self._bright_envelope[:samples]
            tone += dull[index] * self._dull_envelope[:samples]
        if self._timbre.breath:
            noise = self._rng.standard_normal(samples, dtype=np.float32)
            tone += np.float32(self._timbre.breath) * noise * self._dull_envelope[:samples]
        tone[-release:] *= np.linspace(1.0, 0.0, release, dtype=np.float32)
        return tone

    def _wavetables(self, pitch: int) -> tuple[Samples, Samples]:
        if pitch not in self._tables:
            bright, dull = (
                self._wave(pitch, slope + self._shift) for slope in (self._timbre.bright, self._timbre.dull)
            )
            self._tables[pitch] = bright - dull, dull
        return self._tables[pitch]

    def _wave(self, pitch: int, slope: float) -> Samples:
        """One period with unit power, band-limited for this pitch, float32 [_TABLE]."""
        hertz = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
        overtones = np.arange(1, max(2, min(_TABLE // 4, int(0.45 * SAMPLE_RATE / hertz))))
        level = overtones ** -max(slope, 0.05)
        level[1::2] *= self._timbre.even
        octaves = np.log2(overtones * hertz)
        for centre, width in self._timbre.formants:
            level *= 1.0 + _FORMANT_GAIN * np.exp(-(((octaves - np.log2(centre)) / width) ** 2))
        spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex64)
        # Quadratic phases spread the period's energy: a lower crest than with all overtones in phase.
        spectrum[overtones] = level * np.exp(1j * np.pi * overtones**2 / len(overtones))
        return np.asarray(irfft(spectrum / np.sqrt((level**2).sum()), _TABLE), dtype=np.float32) * (_TABLE / 2)
