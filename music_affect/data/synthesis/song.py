"""One song before any note is written: every property that a style leaves open, drawn for one artist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from music_affect.data.synthesis.artist import PROPERTIES, Artist
from music_affect.data.synthesis.style import Part, Style

BLEND_CHANCE = 0.1
_FAITHFUL = 0.7  # how often an artist plays the favourite instrument or key
_MOOD_SHIFT = {"tempo": 0.25, "brightness": 0.3}  # of a style's range, from a middling to the happiest song
_MOOD_ODDS = 1.8  # log odds of a major key, likewise
_MOOD_REGISTER = 7.0  # semitones of the lead, likewise


@dataclass(frozen=True)
class SongPart:
    """What one role plays in this song: a timbre or kit, a pattern for odd and one for even bars, a level in dB."""

    timbre: str
    patterns: tuple[str, str]
    level: float


@dataclass(frozen=True)
class Song:
    """The drawn properties; names and units as in ``Style`` and ``Artist``; ``register`` moves the lead (semitones)."""

    artist: Artist
    tempo: float
    swing: float
    minor: bool
    blue: bool
    tonic: int
    register: int
    progression: tuple[int, ...]
    voicing: tuple[int, ...]
    parts: Mapping[str, SongPart]
    brightness: float
    drive: float
    loudness: float
    reverb: float
    noise: float
    jitter: float
    pump: float


def draw_song(style: Style, artist: Artist, rng: np.random.Generator) -> Song:
    """Draw a song of a style as this artist would play it.

    A mood that is nowhere written down makes fast, bright, high and major go together, as they do in music.
    """
    mood = float(rng.uniform(-1.0, 1.0))
    drawn = {
        what: _near_habit(getattr(style, what), artist.habits[what], mood * _MOOD_SHIFT.get(what, 0.0), rng)
        for what in PROPERTIES
    }
    faithful = rng.uniform() < _FAITHFUL
    odds = style.minor / (1.0 - style.minor) * np.exp(-_MOOD_ODDS * mood)
    return Song(
        artist=artist,
        minor=bool(rng.uniform() < odds / (1.0 + odds)),
        blue=bool(rng.uniform() < style.blue),
        tonic=artist.tonic if faithful else int(rng.integers(12)),
        register=round(_MOOD_REGISTER * mood),
        progression=_rotated(style.progressions[rng.integers(len(style.progressions))], rng),
        voicing=style.voicings[rng.integers(len(style.voicings))],
        parts=_draw_parts(style, artist, rng),
        **drawn,
    )


def blend(own: Style, other: Style, rng: np.random.Generator) -> Style:
    """A style that takes each property and each role's part from either parent."""
    names = [field.name for field in fields(Style) if field.name not in ("related", "parts")]
    borrowed = {name: getattr(other, name) for name in names if rng.uniform() < 0.6}
    roles = sorted(own.parts.keys() | other.parts.keys())
    parents = [(other if rng.uniform() < 0.6 else own).parts for _ in roles]
    parts = {role: parts[role] for role, parts in zip(roles, parents, strict=True) if role in parts}
    return replace(own, parts=parts, **borrowed)


def _near_habit(limits: tuple[float, float], habit: float, shift: float, rng: np.random.Generator) -> float:
    low, high = limits
    return float(low + (high - low) * np.clip(rng.normal(0.15 + 0.7 * habit + shift, 0.15), 0.0, 1.0))


def _rotated(chords: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
    # A clip is an excerpt: it may start in the middle of the progression.
    start = int(rng.integers(len(chords)))
    return chords[start:] + chords[:start]


def _draw_parts(style: Style, artist: Artist, rng: np.random.Generator) -> dict[str, SongPart]:
    playing = {role: part for role, part in style.parts.items() if rng.uniform() < part.chance}
    if not playing.keys() & {"comp", "lead", "pad"}:
        playing["comp"] = style.parts.get("comp", next(iter(style.parts.values())))
    return {role: _draw_part(role, part, artist, rng) for role, part in playing.items()}


def _draw_part(role: str, part: Part, artist: Artist, rng: np.random.Generator) -> SongPart:
    favourite = artist.instruments.get(role)
    faithful = favourite in part.timbres and rng.uniform() < _FAITHFUL
    timbre = str(favourite) if faithful else str(rng.choice(part.timbres))
    first, second = (str(rng.choice(part.patterns)) for _ in range(2))
    level = part.level + artist.levels.get(role, 0.0) + float(rng.normal(0.0, 1.5))
    return SongPart(timbre, (first, first if rng.uniform() < 0.7 else second), level)
