"""Written music: what is played when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A tone: start and length in seconds, pitch as a MIDI number, velocity 0 to 1.

    A start before 0 is a tone that already sounds when the clip begins.
    """

    start: float
    seconds: float
    pitch: int
    velocity: float


@dataclass(frozen=True)
class Hit:
    """A drum hit: start in seconds, which may lie before 0, and velocity 0 to 1."""

    start: float
    velocity: float


@dataclass(frozen=True)
class Score:
    """A clip's music.

    Args:
        seconds: length of the clip.
        notes: by role.
        hits: by drum.
    """

    seconds: float
    notes: Mapping[str, Sequence[Note]]
    hits: Mapping[str, Sequence[Hit]]

    @property
    def onsets_per_second(self) -> float:
        """Density: notes of a chord count once."""
        tones = {
            (role, round(note.start, 2)) for role, notes in self.notes.items() for note in notes if note.start >= 0.0
        }
        hits = [hit for hits in self.hits.values() for hit in hits if hit.start >= 0.0]
        return (len(tones) + len(hits)) / self.seconds
