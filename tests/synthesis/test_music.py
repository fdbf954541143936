from dataclasses import replace

import numpy as np
import pytest

from music_affect.data.synthesis.artist import draw_artist
from music_affect.data.synthesis.clip import ClipPlan, SyntheticClip
from music_affect.data.synthesis.composition import Composer
from music_affect.data.synthesis.instruments import SAMPLE_RATE, Instrument, add_at
from music_affect.data.synthesis.kits import KITS
from music_affect.data.synthesis.rhythms import RHYTHMS
from music_affect.data.synthesis.score import Note
from music_affect.data.synthesis.song import Song, SongPart, blend, draw_song
from music_affect.data.synthesis.styles import GENRES, STYLES
from music_affect.data.synthesis.timbres import TIMBRES


def song_of(genre: str, seed: int = 0) -> Song:
    rng = np.random.default_rng(seed)
    return draw_song(STYLES[genre], draw_artist("someone", STYLES[genre], rng), rng)


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_renders(genre: str) -> None:
    for index in range(3):
        audio = SyntheticClip(ClipPlan(5, index, genre, index, 3.0)).audio()
        assert audio.shape == (3 * SAMPLE_RATE,)
        assert audio.dtype == np.float32
        assert np.isfinite(audio).all()
        assert 0.1 < np.abs(audio).max() <= 0.9


@pytest.mark.parametrize("genre", GENRES)
def test_styles_name_only_what_exists(genre: str) -> None:
    style = STYLES[genre]
    assert set(style.related) <= set(GENRES) - {genre}
    for role, part in style.parts.items():
        assert set(part.timbres) <= set(KITS if role == "drums" else TIMBRES)
        if role == "drums":
            assert set(part.patterns) <= set(RHYTHMS)
        else:
            assert all(len(pattern) == 16 and set(pattern) <= set("Xxh1234rfowm.") for pattern in part.patterns)


def test_drum_patterns_are_whole_bars() -> None:
    drums = {"kick", "snare", "clap", "hat", "open", "ride", "crash"}
    for rhythm in RHYTHMS.values():
        assert set(rhythm) <= drums
        assert all(len(pattern) == 16 and set(pattern) <= set("Xxo.") for pattern in rhythm.values())


@pytest.mark.parametrize("genre", GENRES)
def test_songs_stay_within_their_style(genre: str) -> None:
    style = STYLES[genre]
    for seed in range(20):
        song = song_of(genre, seed)
        assert style.tempo[0] <= song.tempo <= style.tempo[1]
        assert style.swing[0] <= song.swing <= style.swing[1]
        assert song.parts.keys() & {"comp", "lead", "pad"}


def test_blended_style_borrows_from_the_other_parent_only() -> None:
    own, other = STYLES["Pop"], STYLES["Metal"]
    mixed = [blend(own, other, np.random.default_rng(seed)) for seed in range(20)]
    assert {style.tempo for style in mixed} == {own.tempo, other.tempo}
    assert all(
        part in (own.parts.get(role), other.parts.get(role)) for style in mixed for role, part in style.parts.items()
    )


def test_kicks_fall_on_the_beats_and_swing_delays_the_off_beats() -> None:
    drums = SongPart("dance", ("disco", "disco"), 0.0)
    song = replace(song_of("Electronic"), tempo=120.0, swing=0.0, jitter=0.0, parts={"drums": drums})
    straight = Composer(song, 8.0, np.random.default_rng(0)).compose().hits
    swung = Composer(replace(song, swing=1.0), 8.0, np.random.default_rng(0)).compose().hits
    beats = np.array([hit.start for hit in straight["kick"] if hit.velocity > 0.5])
    phase = beats[0] % 0.5
    assert len(beats) > 12
    np.testing.assert_allclose(((beats - phase + 0.25) % 0.5) - 0.25, 0.0, atol=1e-9)
    strong = [[(hit.start - phase) % 0.5 for hit in hits["open"] if hit.velocity > 0.5] for hits in (straight, swung)]
    assert np.median(strong[0]) == pytest.approx(0.25)
    assert np.median(strong[1]) == pytest.approx(1 / 3)


def test_composed_notes_belong_to_the_key() -> None:
    song = replace(song_of("Pop"), minor=False, blue=False, tonic=2)
    scale = {(2 + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)}
    score = Composer(song, 10.0, np.random.default_rng(0)).compose()
    assert {note.pitch % 12 for notes in score.notes.values() for note in notes} <= scale


@pytest.mark.parametrize("name", sorted(TIMBRES))
def test_instruments_play_in_tune(name: str) -> None:
    plain = replace(TIMBRES[name], breath=0.0, vibrato=0.0, detune=0.0, formants=())
    instrument = Instrument(plain, 0.5, 1.0, np.random.default_rng(0))
    tone = instrument.play([Note(0.0, 1.0, 69, 1.0)], SAMPLE_RATE)
    hertz = np.fft.rfftfreq(len(tone), 1 / SAMPLE_RATE)
    assert hertz[np.abs(np.fft.rfft(tone)).argmax()] == pytest.approx(440.0, abs=2.0)


def test_sounds_beyond_either_end_are_cut_and_not_wrapped() -> None:
    sound = np.arange(1, 6, dtype=np.float32)
    for start, expected in ((-2, [3, 4, 5, 0]), (2, [0, 0, 1, 2]), (-9, [0, 0, 0, 0]), (9, [0, 0, 0, 0])):
        track = np.zeros(4, dtype=np.float32)
        add_at(track, start, 1.0, sound)
        assert track.tolist() == expected
