"""From a song's properties to its notes and drum hits.

A bar has sixteen steps. In the pattern of a pitched role a step is one character: ``X``, ``x`` a strong or weak
chord, ``h`` a held chord, ``1`` to ``4`` one chord tone, ``r``, ``f``, ``o`` the chord's root, fifth or octave, ``w``
a walk to a neighbouring chord tone, ``m`` a melody tone, ``.`` nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from music_affect.data.synthesis.harmony import Harmony
from music_affect.data.synthesis.rhythms import RHYTHMS
from music_affect.data.synthesis.score import Hit, Note, Score
from music_affect.data.synthesis.song import Song
from music_affect.data.synthesis.timbres import TIMBRES

STEPS = 16
_VELOCITY = {"X": 1.0, "x": 0.7, "o": 0.3, "h": 0.8, "w": 0.8, "m": 0.85}
_REGISTER = {"bass": 36, "comp": 52, "pad": 55, "lead": 64}
_DROP, _GHOST = 0.06, 0.03  # how often a bar leaves a written step out, or adds a quiet one


class Composer:
    """Writes the score of one song.

    Args:
        song: the properties.
        seconds: length of the clip.
        rng: source of all variation.
    """

    def __init__(self, song: Song, seconds: float, rng: np.random.Generator) -> None:
        self._song, self._seconds, self._rng = song, seconds, rng
        self._bar = 4 * 60.0 / song.tempo
        # The clip starts anywhere in a bar, so that no frame number means a beat.
        self._origin = -float(rng.uniform()) * self._bar
        self._bars = int(np.ceil((seconds - self._origin) / self._bar))
        self._spread = 0.05 + 0.15 * (1.0 - song.loudness)

    def compose(self) -> Score:
        """All parts of the clip."""
        pitched = [role for role in self._song.parts if role != "drums"]
        hits = self._hits() if "drums" in self._song.parts else {}
        return Score(self._seconds, {role: self._notes(role) for role in pitched}, hits)

    def _hits(self) -> dict[str, list[Hit]]:
        part = self._song.parts["drums"]
        hits: dict[str, list[Hit]] = {}
        for bar in range(self._bars):
            for drum, pattern in RHYTHMS[part.patterns[bar % 2]].items():
                hits.setdefault(drum, []).extend(
                    Hit(start, self._velocity(sign))
                    for step, sign in self._varied(pattern)
                    if (start := self._time(bar, step)) is not None
                )
        return hits

    def _notes(self, role: str) -> list[Note]:
        part = self._song.parts[role]
        timbre = TIMBRES[part.timbre]
        register = _REGISTER[role] + (self._song.register if role == "lead" else 0)
        harmony = Harmony(self._song, register, self._rng)
        notes: list[Note] = []
        for bar in range(self._bars):
            steps = list(self._varied(part.patterns[bar % 2], ghosts=False))
            ends = [step for step, _ in steps[1:]] + [STEPS]
            for (step, sign), end in zip(steps, ends, strict=False):  # a bar may have lost all its steps
                start, pitches = self._time(bar, step), harmony.pitches(sign, bar)
                if start is None:
                    continue
                seconds = max(0.06, (end - step) * self._bar / STEPS * timbre.gate)
                velocity = self._velocity(sign) / np.sqrt(len(pitches))
                notes.extend(Note(start, seconds, pitch, velocity) for pitch in pitches)
        return notes

    def _varied(self, pattern: str, *, ghosts: bool = True) -> Iterator[tuple[int, str]]:
        chances = self._rng.uniform(size=STEPS)
        for step, sign in enumerate(pattern):
            if sign != "." and (step == 0 or chances[step] > _DROP):
                yield step, sign
            elif ghosts and sign == "." and chances[step] < _GHOST:
                yield step, "o"

    def _time(self, bar: int, step: int) -> float | None:
        """Seconds into the clip at which a step falls, or None past its end."""
        beat, part = divmod(step, 4)
        late = self._song.swing / 6.0  # of a beat, at the off-beat eighth: 1/6 makes triplets
        within = np.interp(part / 4.0, (0.0, 0.5, 1.0), (0.0, 0.5 + late, 1.0))
        start = self._origin + self._bar * (bar + (beat + within) / 4.0) + self._rng.normal(0.0, self._song.jitter)
        return float(start) if start < self._seconds - 0.02 else None

    def _velocity(self, sign: str) -> float:
        return float(np.clip(_VELOCITY.get(sign, 0.85) * (1.0 + self._rng.normal(0.0, self._spread)), 0.1, 1.0))
