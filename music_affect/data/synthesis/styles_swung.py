"""Styles that swing: Blues, Jazz."""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.data.synthesis.phrases import SEVENTH, TRIAD, TWELVE_BARS
from music_affect.data.synthesis.style import Part, Style

SWUNG: Mapping[str, Style] = {
    "Blues": Style(
        related=("Jazz", "Rock"),
        tempo=(68, 132),
        swing=(0.4, 1.0),
        minor=0.35,
        blue=0.85,
        progressions=(TWELVE_BARS, (0, 3, 0, 4)),
        voicings=(SEVENTH, TRIAD),
        parts={
            "drums": Part(("jazz", "studio", "brush"), ("shuffle", "slow_blues"), -2, 0.85),
            "bass": Part(
                ("upright", "electric_bass"), ("r...f...o...f...", "r.r.f.f.o.o.f.f.", "r...w...f...w..."), 0, 0.95
            ),
            "comp": Part(
                ("piano", "clean_guitar", "electric_guitar", "organ"),
                ("x.x.x.x.x.x.x.x.", "X.....x.X.....x.", "....X.......X..."),
                -3,
                0.95,
            ),
            "lead": Part(
                ("clean_guitar", "lead_guitar", "harmonica", "sax", "piano"),
                ("m.m.m.....m.m...", "..m.m.m.m.......", "m...m.m.m.m....."),
                1,
                0.9,
            ),
        },
        brightness=(0.25, 0.7),
        drive=(0.05, 0.5),
        loudness=(0.2, 0.6),
        reverb=(0.05, 0.4),
        noise=(-55, -32),
        jitter=(0.004, 0.016),
    ),
    "Jazz": Style(
        related=("Blues", "Classical"),
        tempo=(84, 212),
        swing=(0.3, 1.0),
        minor=0.45,
        blue=0.25,
        progressions=((1, 4, 0, 0), (0, 5, 1, 4), (2, 5, 1, 4), (0, 3, 6, 2)),
        voicings=(SEVENTH, (0, 2, 6, 8)),
        parts={
            "drums": Part(("jazz", "jazz", "brush", "studio"), ("swing", "swing_comp", "bossa"), -3, 0.85),
            "bass": Part(
                ("upright", "upright", "electric_bass"),
                ("r...w...w...w...", "w...w...f...w...", "r.....f.r.....f."),
                1,
                0.95,
            ),
            "comp": Part(
                ("piano", "jazz_guitar", "clean_guitar", "organ", "vibraphone"),
                ("..x....x..x.....", "x.....x.........", "....x.....x.....", "x...x...x...x..."),
                -3,
                0.9,
            ),
            "lead": Part(
                ("sax", "trumpet", "piano", "jazz_guitar", "vibraphone", "clarinet"),
                ("m.m.m.m.m.m.....", "..m.m.m.m.m.m.m.", "m..m..m...m.m..."),
                1,
                0.95,
            ),
        },
        brightness=(0.2, 0.65),
        drive=(0.0, 0.15),
        loudness=(0.1, 0.5),
        reverb=(0.05, 0.45),
        noise=(-55, -32),
        jitter=(0.004, 0.018),
    ),
}
