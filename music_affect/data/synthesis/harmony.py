"""Which pitches a sign of a pattern stands for, bar by bar."""

from __future__ import annotations

import numpy as np

from music_affect.data.synthesis.song import Song

_MAJOR, _MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
_BLUES = (0, 3, 5, 6, 7, 10)
_STEPS, _STEP_CHANCES = (-3, -2, -1, 0, 1, 2, 3), (0.06, 0.14, 0.27, 0.1, 0.25, 0.12, 0.06)
_MOTIF = 8


class Harmony:
    """Chords and melody of one role.

    Args:
        song: gives key, progression and voicing.
        register: MIDI pitch around which the role plays.
        rng: source of the melody.
    """

    def __init__(self, song: Song, register: int, rng: np.random.Generator) -> None:
        self._song, self._rng = song, rng
        self._scale = _MINOR if song.minor else _MAJOR
        self._melody_scale = _BLUES if song.blue else self._scale
        # The tonic within the octave from half an octave below the register's centre.
        self._tonic = register - 6 + (song.tonic - register + 6) % 12
        self._motif = rng.choice(_STEPS, size=_MOTIF, p=_STEP_CHANCES)
        self._position, self._count, self._bar = 0, 0, -1

    def pitches(self, sign: str, bar: int) -> list[int]:
        """MIDI pitches that a sign asks for in a bar."""
        root = self._song.progression[bar % len(self._song.progression)]
        if sign in "Xxh":
            return [self._folded(root + step) for step in self._song.voicing]
        if sign in "1234":
            tones = (*self._song.voicing, 7)
            return [self._folded(root + tones[(int(sign) - 1) % len(tones)])]
        if sign == "m":
            return [self._melody(root, bar)]
        if sign == "w":
            return [self._folded(root + int(self._rng.choice((1, 2, 4, 6))))]
        octave = 12 if sign == "o" else 0
        return [self._folded(root + (4 if sign == "f" else 0)) + octave]

    def _folded(self, degree: int) -> int:
        octave, step = divmod(degree, len(self._scale))
        pitch = self._tonic + 12 * octave + self._scale[step]
        return pitch - 12 if pitch - self._tonic > 18 else pitch

    def _melody(self, root: int, bar: int) -> int:
        """The motif's next tone; every second bar starts it again near the chord's root."""
        size = len(self._melody_scale)
        if bar != self._bar and bar % 2 == 0:
            self._position, self._count = root % size, 0
        step = self._motif[self._count % _MOTIF] if self._rng.uniform() < 0.8 else self._rng.integers(-2, 3)
        self._position = int(np.clip(self._position + step, -3, size + 4))
        self._bar, self._count = bar, self._count + 1
        octave, degree = divmod(self._position, size)
        return self._tonic + 12 * octave + self._melody_scale[degree]
