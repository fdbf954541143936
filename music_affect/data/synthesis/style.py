"""What makes a style: ranges and choices from which every song of the style is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Part:
    """What one role of the band (bass, comp, lead, pad or drums) may play.

    Args:
        timbres: names of ``timbres.TIMBRES``, or of ``kits.KITS`` for the drums.
        patterns: bars of sixteen steps, one character each (see ``composition``), or names of ``rhythms.RHYTHMS``.
        level: dB relative to the other parts.
        chance: probability that a song has the part at all.
    """

    timbres: tuple[str, ...]
    patterns: tuple[str, ...]
    level: float = 0.0
    chance: float = 1.0


@dataclass(frozen=True)
class Style:
    """One genre as data.

    Args:
        related: genres that songs of this one borrow from.
        tempo: beats a minute.
        swing: 0 straight eighths to 1 triplets.
        minor: probability of a minor key.
        blue: probability that the lead plays a blues scale.
        progressions: scale degrees from 0, one a bar.
        voicings: chord tones as scale steps above the chord's root.
        parts: by role.
        brightness: 0 dark to 1 bright, turned into an equaliser slope and into the timbres' overtones.
        drive: 0 clean to 1 heavily distorted comp and lead.
        loudness: 0 wide dynamics to 1 heavily compressed.
        reverb: 0 dry to 1 a hall.
        noise: level of the background noise, dB relative to the music.
        jitter: standard deviation of the players' timing, in seconds.
        pump: depth to which the kick ducks the other parts, 0 to 1.
    """

    related: tuple[str, ...]
    tempo: Range
    swing: Range
    minor: float
    blue: float
    progressions: tuple[tuple[int, ...], ...]
    voicings: tuple[tuple[int, ...], ...]
    parts: Mapping[str, Part]
    brightness: Range
    drive: Range
    loudness: Range
    reverb: Range
    noise: Range
    jitter: Range
    pump: Range = (0.0, 0.0)
