"""From drum hits to sound: decaying sines and decaying noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.signal import lfilter

from music_affect.data.synthesis.instruments import SAMPLE_RATE, Samples, add_at
from music_affect.data.synthesis.kit import Kit
from music_affect.data.synthesis.score import Hit


class Drums:
    """Plays the hits of one kit.

    Args:
        kit: the sound.
        rng: source of the noise, and of the small differences between two kits of one kind.
    """

    def __init__(self, kit: Kit, rng: np.random.Generator) -> None:
        self._kit, self._rng = kit, rng
        self._tuning, self._damping = np.exp(rng.normal(0.0, (0.08, 0.15)))
        cymbals = kit.cymbals
        self._sounds = {
            "kick": self._kick(),
            "snare": self._snare(),
            "clap": self._noise(0.6, 0.9 * kit.snare_decay, 1.4),
            "hat": self._noise(0.9, 0.025 * kit.cymbal_decay, 0.4 * cymbals),
            "open": self._noise(0.9, 0.12 * kit.cymbal_decay, 0.4 * cymbals),
            "ride": self._noise(0.85, 0.16 * kit.cymbal_decay, 0.3 * cymbals),
            "crash": self._noise(0.7, 0.35 * kit.cymbal_decay, 0.5 * cymbals),
        }

    def play(self, hits: Mapping[str, Sequence[Hit]], total: int) -> Samples:
        """Add all hits up, float32 [total] samples."""
        track = np.zeros(total, dtype=np.float32)
        for drum, strokes in hits.items():
            for stroke in strokes:
                add_at(track, int(stroke.start * SAMPLE_RATE), stroke.velocity, self._sounds[drum])
        return track

    def _kick(self) -> Samples:
        time = _time(4.0 * self._kit.kick_decay)
        # The pitch falls from five times its final value within some 30 ms.
        cycles = self._tuning * self._kit.kick_hz * (time + 4.0 * 0.015 * (1.0 - np.exp(-time / 0.015)))
        body = 1.6 * np.sin(2.0 * np.pi * cycles) * np.exp(-time / self._kit.kick_decay)
        click = self._noise(0.3, 0.006, self._kit.click)
        body[: len(click)] += click[: len(body)]
        return _faded(body)

    def _snare(self) -> Samples:
        skin_time = _time(5.0 * self._kit.snare_decay)
        hertz = self._tuning * self._kit.snare_hz
        skin = np.sin(2.0 * np.pi * hertz * skin_time) + 0.5 * np.sin(2.0 * np.pi * 1.6 * hertz * skin_time)
        wires = self._noise(0.3, self._kit.snare_decay, 0.8 * self._kit.wires)
        body = 0.6 * skin * np.exp(-skin_time / (0.6 * self._kit.snare_decay))
        length = min(len(body), len(wires))
        return _faded(body[:length] + wires[:length])

    def _noise(self, highpass: float, decay: float, level: float) -> Samples:
        """Noise between a high pass (pole 0 to 1: higher cuts more) and the kit's cutoff, decaying."""
        time = _time(5.0 * decay * self._damping)
        noise = self._rng.standard_normal(len(time), dtype=np.float32)
        smooth = np.exp(-2.0 * np.pi * self._kit.cutoff / SAMPLE_RATE)
        shaped = lfilter(
            [1.0 - smooth], [1.0, -smooth], np.diff(noise, prepend=0.0) * highpass + noise * (1 - highpass)
        )
        return _faded(level * shaped * np.exp(-time / (decay * self._damping)))


def _time(seconds: float) -> Samples:
    return np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)


def _faded(sound: Samples) -> Samples:
    """Avoid a click where a sound is cut off."""
    fade = min(len(sound), 64)
    sound[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return sound.astype(np.float32)
