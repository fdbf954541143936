"""What a listener's judgement follows, read off a song and its score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from music_affect.data.synthesis.rhythms import RHYTHMS
from music_affect.data.synthesis.score import Score
from music_affect.data.synthesis.song import Song


@dataclass(frozen=True)
class Causes:
    """What a listener's judgement follows, each about 0 to 1.

    Args:
        tempo: 60 to 180 beats a minute.
        major: 1 in a major key, 0 in a minor one.
        density: onsets, up to some 25 a second.
        brightness: of the mix.
        register: of the lead, 0 low to 1 high.
        loudness: compression and distortion.
        beat: level of the drums, 0 without drums.
        regularity: share of the beats that a drum marks, less the players' jitter.
        swing: delay of the off-beats.
    """

    tempo: float
    major: float
    density: float
    brightness: float
    register: float
    loudness: float
    beat: float
    regularity: float
    swing: float

    @property
    def pace(self) -> float:
        """Nearness of the tempo to 115 beats a minute, to which people like to dance."""
        return float(np.exp(-(((self.tempo - 0.46) / 0.25) ** 2)))


def causes_of(song: Song, score: Score) -> Causes:
    """Read the causes off a song and its score."""
    drums = song.parts.get("drums")
    beat = float(np.clip(0.7 + 0.05 * drums.level, 0.1, 1.0)) if drums else 0.0
    return Causes(
        tempo=(song.tempo - 60.0) / 120.0,
        major=float(not song.minor),
        density=min(score.onsets_per_second / 25.0, 1.2),
        brightness=song.brightness,
        register=0.5 + song.register / 14.0,
        loudness=0.5 * song.loudness + 0.5 * song.drive,
        beat=beat,
        regularity=(_marked_beats(drums.patterns) if drums else 0.2) - 10.0 * song.jitter,
        swing=song.swing,
    )


def _marked_beats(patterns: tuple[str, ...]) -> float:
    """Share of the beats on which a kick, a snare or a clap falls."""
    marked = []
    for pattern in patterns:
        drums = [RHYTHMS[pattern][drum] for drum in ("kick", "snare", "clap") if drum in RHYTHMS[pattern]]
        marked += [any(drum[step] in "Xx" for drum in drums) for step in (0, 4, 8, 12)]
    return float(np.mean(marked))
