"""A synthetic artist: habits that all of the artist's songs share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from music_affect.data.synthesis.style import Style

PROPERTIES = ("tempo", "swing", "brightness", "drive", "loudness", "reverb", "noise", "jitter", "pump")


@dataclass(frozen=True)
class Artist:
    """What makes an artist recognisable apart from the genre.

    Args:
        name: unique in the corpus.
        habits: where in each of the style's ranges the artist tends to be, 0 to 1, by property.
        instruments: the artist's favourite timbre, by role.
        tonic: favourite key, semitones above C.
        levels: dB that the artist adds to each role.
        tilt: slope of the artist's equaliser, dB an octave.
        low_cut: lower end of the recordings, in hertz.
        high_cut: upper end of the recordings, in hertz.
        room: decay of the artist's reverb to a thousandth, in seconds.
    """

    name: str
    habits: Mapping[str, float]
    instruments: Mapping[str, str]
    tonic: int
    levels: Mapping[str, float]
    tilt: float
    low_cut: float
    high_cut: float
    room: float


def draw_artist(name: str, style: Style, rng: np.random.Generator) -> Artist:
    """Draw the habits of one artist of a style."""
    return Artist(
        name=name,
        habits={what: float(rng.uniform()) for what in PROPERTIES},
        instruments={role: str(rng.choice(part.timbres)) for role, part in style.parts.items()},
        tonic=int(rng.integers(12)),
        levels={role: float(rng.normal(0.0, 2.0)) for role in style.parts},
        tilt=float(rng.normal(0.0, 0.7)),
        low_cut=float(np.exp(rng.uniform(np.log(25.0), np.log(110.0)))),
        high_cut=float(np.exp(rng.uniform(np.log(6000.0), np.log(11000.0)))),
        room=float(rng.uniform(0.25, 1.4)),
    )
