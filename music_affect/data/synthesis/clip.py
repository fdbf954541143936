"""One clip of the corpus: from numbers to a recording and its labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from music_affect.data.synthesis.affect import affect_of
from music_affect.data.synthesis.artist import draw_artist
from music_affect.data.synthesis.causes import causes_of
from music_affect.data.synthesis.composition import Composer
from music_affect.data.synthesis.drums import Drums
from music_affect.data.synthesis.instruments import SAMPLE_RATE, Instrument, Samples
from music_affect.data.synthesis.kits import KITS
from music_affect.data.synthesis.mixing import mix
from music_affect.data.synthesis.score import Score
from music_affect.data.synthesis.song import BLEND_CHANCE, Song, blend, draw_song
from music_affect.data.synthesis.styles import GENRES, STYLES
from music_affect.data.synthesis.timbres import TIMBRES

_LONGEST_NOTE = 4.0


@dataclass(frozen=True)
class ClipPlan:
    """What determines a clip completely.

    Args:
        seed: of the corpus.
        index: number of the clip in the corpus.
        genre: its label.
        artist: number of the artist within the genre.
        seconds: length.
    """

    seed: int
    index: int
    genre: str
    artist: int
    seconds: float


class SyntheticClip:
    """A composed clip; ``audio`` renders it."""

    def __init__(self, plan: ClipPlan) -> None:
        genre = GENRES.index(plan.genre)
        style = STYLES[plan.genre]
        artist = draw_artist(artist_name(plan), style, np.random.default_rng((plan.seed, 0, genre, plan.artist)))
        rng = np.random.default_rng((plan.seed, 1, plan.index))
        if rng.uniform() < BLEND_CHANCE:
            style = blend(style, STYLES[str(rng.choice(style.related))], rng)
        self._rng = rng
        self.song: Song = draw_song(style, artist, rng)
        self.score: Score = Composer(self.song, plan.seconds, rng).compose()
        self.affect: dict[str, float] = affect_of(causes_of(self.song, self.score), rng)

    def audio(self) -> Samples:
        """Render the clip, float32 [samples]. Uses up the clip's random numbers: call it once."""
        total = int(self.score.seconds * SAMPLE_RATE)
        tracks = {}
        for role, notes in self.score.notes.items():
            timbre = TIMBRES[self.song.parts[role].timbre]
            tracks[role] = Instrument(timbre, self.song.brightness, _LONGEST_NOTE, self._rng).play(notes, total)
        if "drums" in self.song.parts:
            tracks["drums"] = Drums(KITS[self.song.parts["drums"].timbre], self._rng).play(self.score.hits, total)
        return mix(tracks, self.score.hits.get("kick", ()), self.song, self._rng)


def artist_name(plan: ClipPlan) -> str:
    """Unique over the genres of a corpus."""
    return f"{plan.genre.lower()}-{plan.artist}"
