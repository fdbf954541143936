"""What makes the sound of a pitched instrument."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timbre:
    """A tone whose overtones start bright and decay to dull, like a string, a reed or a filtered oscillator.

    Args:
        bright: overtone k starts with the level k**-bright.
        dull: overtone k ends with the level k**-dull.
        attack: seconds until the full level.
        bright_decay: time constant of the bright part, in seconds.
        dull_decay: time constant of the dull part, in seconds; large for held tones.
        release: seconds of fading after the note's end.
        even: level of the even overtones; 0 sounds hollow.
        detune: a second voice this many cents away; 0 for none.
        vibrato: depth in cents.
        formants: resonances (hertz, octaves wide) of a body or a mouth.
        breath: level of the noise that comes with the tone.
        gate: part of the time to the next note for which a note is held.
    """

    bright: float
    dull: float
    attack: float = 0.005
    bright_decay: float = 0.15
    dull_decay: float = 0.8
    release: float = 0.05
    even: float = 1.0
    detune: float = 0.0
    vibrato: float = 0.0
    formants: tuple[tuple[float, float], ...] = ()
    breath: float = 0.0
    gate: float = 0.95
