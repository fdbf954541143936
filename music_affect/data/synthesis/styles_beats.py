"""Styles made of beats and loops: Electronic, Hip-Hop, Trip-Hop."""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.data.synthesis.phrases import ADD9, HOLD, LOOPS, SEVENTH, SONG, TRIAD
from music_affect.data.synthesis.style import Part, Style

BEATS: Mapping[str, Style] = {
    "Electronic": Style(
        related=("Pop", "Trip-Hop"),
        tempo=(92, 142),
        swing=(0.0, 0.15),
        minor=0.6,
        blue=0.0,
        progressions=LOOPS,
        voicings=(TRIAD, SEVENTH, ADD9),
        parts={
            "drums": Part(("machine", "dance", "dance", "studio"), ("house", "techno", "electro", "break"), 1, 0.9),
            "bass": Part(
                ("synth_bass", "sub_bass", "electric_bass"),
                ("..r...r...r...r.", "r..r..r.r..r..r.", "r.r.r.r.r.r.r.r."),
                0,
                0.9,
            ),
            "comp": Part(
                ("saw_stab", "pluck_synth", "electric_piano", "organ"),
                ("1234123412341234", "x..x..x...x..x..", "..x...x...x...x.", "1.2.3.4.1.2.3.4."),
                -3,
                0.9,
            ),
            "lead": Part(
                ("saw_lead", "square_lead", "pluck_synth", "voice"),
                ("m..m..m.m..m....", "m.......m.......", *SONG),
                -1,
                0.55,
            ),
            "pad": Part(("warm_pad", "bright_pad"), HOLD, -5, 0.6),
        },
        brightness=(0.35, 0.9),
        drive=(0.0, 0.3),
        loudness=(0.5, 1.0),
        reverb=(0.1, 0.6),
        noise=(-65, -38),
        jitter=(0.0, 0.003),
        pump=(0.0, 0.7),
    ),
    "Hip-Hop": Style(
        related=("Trip-Hop", "Electronic"),
        tempo=(80, 108),
        swing=(0.05, 0.5),
        minor=0.65,
        blue=0.2,
        progressions=LOOPS,
        voicings=(SEVENTH, TRIAD),
        parts={
            "drums": Part(("machine", "dusty", "studio"), ("boom_bap", "boom_bap_late", "trap"), 2, 0.95),
            "bass": Part(
                ("sub_bass", "electric_bass", "upright"),
                ("r..r......r.....", "r......r..r..r..", "r.......r......."),
                1,
                0.9,
            ),
            "comp": Part(
                ("electric_piano", "piano", "felt_piano", "clean_guitar", "strings"),
                ("x.....x.....x...", "X.......x.......", "1.3.2.3.1.3.2.3."),
                -4,
                0.85,
            ),
            "lead": Part(
                ("rap", "rap", "voice", "flute"), ("mm.m.m.mmm.m.m..", "m.mm.mm.m.mm.m.m", "m.m.mm.m.m.m...."), 1, 0.85
            ),
            "pad": Part(("warm_pad", "strings"), HOLD, -8, 0.25),
        },
        brightness=(0.3, 0.75),
        drive=(0.0, 0.2),
        loudness=(0.4, 0.9),
        reverb=(0.0, 0.3),
        noise=(-55, -32),
        jitter=(0.002, 0.012),
        pump=(0.0, 0.3),
    ),
    "Trip-Hop": Style(
        related=("Hip-Hop", "Electronic", "Jazz"),
        tempo=(66, 98),
        swing=(0.05, 0.45),
        minor=0.8,
        blue=0.15,
        progressions=LOOPS,
        voicings=(SEVENTH, TRIAD, ADD9),
        parts={
            "drums": Part(("dusty", "machine", "studio"), ("half_time", "half_break", "break"), 0, 0.9),
            "bass": Part(
                ("sub_bass", "upright", "electric_bass"),
                ("r.......r..r....", "r..r......r.....", "r..............."),
                1,
                0.95,
            ),
            "comp": Part(
                ("electric_piano", "felt_piano", "clean_guitar", "vibraphone", "organ"),
                ("X...............", "x.....x.....x...", "1...3...2...3..."),
                -3,
                0.85,
            ),
            "lead": Part(
                ("voice", "voice", "trumpet", "rap", "flute"),
                ("m...m.....m.....", "m.......m.m.....", "..m.m.......m..."),
                0,
                0.75,
            ),
            "pad": Part(("warm_pad", "strings"), HOLD, -3, 0.6),
        },
        brightness=(0.15, 0.6),
        drive=(0.0, 0.25),
        loudness=(0.3, 0.8),
        reverb=(0.15, 0.65),
        noise=(-48, -26),
        jitter=(0.002, 0.014),
        pump=(0.0, 0.3),
    ),
}
