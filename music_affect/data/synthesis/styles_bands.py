"""Styles of bands with drums, bass and guitars: Pop, Rock, Metal."""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.data.synthesis.phrases import ADD9, EIGHTHS_BASS, HOLD, POP_CHORDS, POWER, SONG, STRUM, TRIAD
from music_affect.data.synthesis.style import Part, Style

BANDS: Mapping[str, Style] = {
    "Pop": Style(
        related=("Rock", "Electronic", "Folk"),
        tempo=(84, 134),
        swing=(0.0, 0.2),
        minor=0.3,
        blue=0.05,
        progressions=POP_CHORDS,
        voicings=(TRIAD, ADD9),
        parts={
            "drums": Part(("studio", "dance"), ("pop", "disco", "rock"), 0, 0.9),
            "bass": Part(("electric_bass", "synth_bass", "picked_bass"), EIGHTHS_BASS, 0, 0.95),
            "comp": Part(
                ("piano", "clean_guitar", "steel_guitar", "saw_stab"),
                (*STRUM, "x...x...x...x...", "X..x..x.X..x..x."),
                -2,
                0.95,
            ),
            "lead": Part(("voice", "voice", "voice", "square_lead"), SONG, 2, 0.9),
            "pad": Part(("bright_pad", "strings", "organ"), HOLD, -6, 0.45),
        },
        brightness=(0.4, 0.85),
        drive=(0.0, 0.35),
        loudness=(0.45, 0.95),
        reverb=(0.05, 0.4),
        noise=(-65, -38),
        jitter=(0.001, 0.008),
        pump=(0.0, 0.3),
    ),
    "Rock": Style(
        related=("Pop", "Metal", "Blues"),
        tempo=(98, 172),
        swing=(0.0, 0.25),
        minor=0.45,
        blue=0.4,
        progressions=(*POP_CHORDS, (0, 6, 3, 0), (0, 3, 0, 4)),
        voicings=(POWER, TRIAD),
        parts={
            "drums": Part(("rock", "studio"), ("rock", "rock_push", "rock_crash"), 0, 0.95),
            "bass": Part(("picked_bass", "electric_bass"), EIGHTHS_BASS, 0, 0.95),
            "comp": Part(
                ("electric_guitar", "electric_guitar", "clean_guitar", "organ"),
                ("X...x.x...x.x.x.", "x.x.x.x.x.x.x.x.", "X.......X...X...", "X..x..x.X..x..x."),
                1,
                1.0,
            ),
            "lead": Part(("voice", "voice", "lead_guitar"), SONG, 1, 0.8),
            "pad": Part(("organ", "strings"), HOLD, -8, 0.15),
        },
        brightness=(0.35, 0.8),
        drive=(0.15, 0.75),
        loudness=(0.45, 0.95),
        reverb=(0.0, 0.35),
        noise=(-52, -30),
        jitter=(0.002, 0.01),
    ),
    "Metal": Style(
        related=("Rock", "Electronic"),
        tempo=(94, 190),
        swing=(0.0, 0.0),
        minor=0.92,
        blue=0.2,
        progressions=((0, 0, 5, 6), (0, 5, 0, 6), (0, 0, 1, 0), (0, 3, 5, 4)),
        voicings=(POWER,),
        parts={
            "drums": Part(("metal", "rock"), ("double", "gallop", "blast", "rock_crash"), 0, 0.95),
            "bass": Part(
                ("picked_bass", "electric_bass"), ("rrrrrrrrrrrrrrrr", "r.rrr.rrr.rrr.rr", "r.r.r.r.r.r.r.r."), -1, 0.95
            ),
            "comp": Part(
                ("electric_guitar",),
                ("X.xxX.xxX.xxX.xx", "xxxxxxxxxxxxxxxx", "X.......X...X...", "X..x..x.X..x..x."),
                2,
                1.0,
            ),
            "lead": Part(
                ("lead_guitar", "growl", "voice"),
                ("m.m.m.m.m.m.m.m.", "m...m...m.m.m...", "mmmmmmmmmmmmmmmm"),
                -1,
                0.65,
            ),
        },
        brightness=(0.4, 0.85),
        drive=(0.5, 1.0),
        loudness=(0.6, 1.0),
        reverb=(0.0, 0.3),
        noise=(-50, -30),
        jitter=(0.001, 0.006),
    ),
}
