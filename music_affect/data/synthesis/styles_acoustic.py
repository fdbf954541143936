"""Styles mostly without drums: Classical, Folk."""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.data.synthesis.phrases import HOLD, PICKING, POP_CHORDS, SONG, STRUM, TRIAD
from music_affect.data.synthesis.style import Part, Style

ACOUSTIC: Mapping[str, Style] = {
    "Classical": Style(
        related=("Folk", "Jazz"),
        tempo=(60, 144),
        swing=(0.0, 0.0),
        minor=0.45,
        blue=0.0,
        progressions=((0, 3, 4, 0), (0, 5, 1, 4), (0, 4, 0, 4)),
        voicings=(TRIAD,),
        parts={
            "drums": Part(("timpani",), ("timpani",), -8, 0.12),
            "bass": Part(
                ("cello", "piano", "upright"), ("r...............", "r.......f.......", "r...w...w...w..."), -2, 0.75
            ),
            "comp": Part(
                ("piano", "felt_piano", "nylon_guitar", "strings"),
                (*PICKING, "X.......x.......", "x...x...x...x..."),
                -1,
                0.9,
            ),
            "lead": Part(
                ("strings", "strings", "flute", "oboe", "clarinet", "piano"),
                (*SONG, "m.m.m.m.m.m.m.m.", "m.......m...m..."),
                1,
                0.9,
            ),
            "pad": Part(("strings", "strings", "clarinet"), HOLD, -6, 0.45),
        },
        brightness=(0.2, 0.65),
        drive=(0.0, 0.05),
        loudness=(0.0, 0.35),
        reverb=(0.15, 0.8),
        noise=(-60, -35),
        jitter=(0.006, 0.025),
    ),
    "Folk": Style(
        related=("Classical", "Pop"),
        tempo=(74, 142),
        swing=(0.0, 0.4),
        minor=0.35,
        blue=0.1,
        progressions=(*POP_CHORDS, (0, 3, 0, 4), (0, 0, 3, 4)),
        voicings=(TRIAD,),
        parts={
            "drums": Part(("brush", "studio"), ("train", "brushes", "stomp"), -7, 0.35),
            "bass": Part(
                ("upright", "electric_bass", "cello"),
                ("r.......f.......", "r...f...r...f...", "r..............."),
                -2,
                0.6,
            ),
            "comp": Part(("steel_guitar", "nylon_guitar", "clean_guitar", "piano"), (*PICKING, *STRUM), 1, 1.0),
            "lead": Part(("voice", "voice", "flute", "fiddle", "harmonica"), SONG, 1, 0.85),
            "pad": Part(("strings", "organ"), HOLD, -7, 0.2),
        },
        brightness=(0.25, 0.7),
        drive=(0.0, 0.12),
        loudness=(0.1, 0.5),
        reverb=(0.05, 0.5),
        noise=(-55, -30),
        jitter=(0.006, 0.02),
    ),
}
