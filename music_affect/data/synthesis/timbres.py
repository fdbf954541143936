"""The band: every pitched instrument of the synthetic corpus."""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.data.synthesis.timbre import Timbre

_HELD = 20.0
_MOUTH = ((600.0, 0.5), (1200.0, 0.4), (2600.0, 0.35))

TIMBRES: Mapping[str, Timbre] = {
    "upright": Timbre(1.2, 2.5, attack=0.012, bright_decay=0.12, dull_decay=0.6, breath=0.01),
    "electric_bass": Timbre(0.9, 1.8, bright_decay=0.2, dull_decay=1.2),
    "picked_bass": Timbre(0.6, 1.4, bright_decay=0.25, dull_decay=1.5, gate=0.85),
    "sub_bass": Timbre(2.2, 3.5, attack=0.01, bright_decay=0.2, dull_decay=1.5),
    "synth_bass": Timbre(0.8, 1.6, bright_decay=0.15, dull_decay=_HELD, detune=6.0, gate=0.7),
    "cello": Timbre(0.9, 1.1, attack=0.06, dull_decay=_HELD, release=0.12, vibrato=8.0, formants=((400.0, 1.5),)),
    "piano": Timbre(0.9, 1.9, bright_decay=0.25, dull_decay=1.2, release=0.1),
    "felt_piano": Timbre(1.5, 2.4, attack=0.01, bright_decay=0.2, dull_decay=1.0, release=0.15),
    "electric_piano": Timbre(1.3, 2.8, bright_decay=0.3, dull_decay=1.4, detune=3.0, release=0.1),
    "organ": Timbre(1.1, 1.1, attack=0.01, dull_decay=_HELD, detune=4.0, vibrato=6.0),
    "vibraphone": Timbre(1.8, 4.0, bright_decay=0.08, dull_decay=1.2, even=0.1, release=0.3, vibrato=3.0),
    "nylon_guitar": Timbre(1.1, 2.2, bright_decay=0.12, dull_decay=0.7, formants=((220.0, 1.0), (500.0, 1.2))),
    "steel_guitar": Timbre(0.6, 1.7, bright_decay=0.2, dull_decay=0.8, formants=((250.0, 1.0), (2400.0, 1.2))),
    "clean_guitar": Timbre(0.8, 1.6, bright_decay=0.3, dull_decay=1.0, formants=((700.0, 1.5),)),
    "jazz_guitar": Timbre(1.5, 2.3, bright_decay=0.2, dull_decay=0.7),
    "electric_guitar": Timbre(0.5, 1.0, bright_decay=0.6, dull_decay=2.5, formants=((900.0, 1.6),)),
    "lead_guitar": Timbre(0.5, 0.9, bright_decay=0.8, dull_decay=3.0, vibrato=12.0, formants=((1300.0, 1.4),)),
    "strings": Timbre(0.9, 1.1, attack=0.09, dull_decay=_HELD, release=0.2, detune=9.0, vibrato=7.0),
    "fiddle": Timbre(0.7, 0.9, attack=0.03, dull_decay=_HELD, vibrato=14.0, formants=((500.0, 0.9), (2800.0, 1.0))),
    "flute": Timbre(2.0, 2.3, attack=0.04, dull_decay=_HELD, vibrato=9.0, breath=0.05),
    "oboe": Timbre(0.6, 0.8, attack=0.03, dull_decay=_HELD, vibrato=7.0, formants=((1100.0, 0.7), (2700.0, 0.7))),
    "clarinet": Timbre(0.8, 1.1, attack=0.03, dull_decay=_HELD, even=0.1),
    "sax": Timbre(0.6, 0.9, attack=0.02, dull_decay=_HELD, vibrato=10.0, breath=0.03, formants=((650.0, 1.2),)),
    "trumpet": Timbre(0.5, 0.8, attack=0.03, dull_decay=_HELD, vibrato=6.0, formants=((1400.0, 1.3),)),
    "harmonica": Timbre(0.5, 0.7, attack=0.02, dull_decay=_HELD, detune=5.0, vibrato=12.0, formants=((1800.0, 1.2),)),
    "voice": Timbre(0.6, 0.8, attack=0.04, dull_decay=_HELD, vibrato=18.0, breath=0.02, formants=_MOUTH),
    "rap": Timbre(0.5, 0.9, attack=0.01, dull_decay=0.3, breath=0.12, formants=_MOUTH, gate=0.6),
    "growl": Timbre(0.2, 0.4, attack=0.02, dull_decay=_HELD, breath=0.5, detune=40.0, formants=_MOUTH, gate=0.8),
    "saw_lead": Timbre(0.9, 1.2, bright_decay=0.3, dull_decay=_HELD, detune=12.0),
    "square_lead": Timbre(0.9, 1.1, dull_decay=_HELD, even=0.0, gate=0.7),
    "saw_stab": Timbre(0.7, 1.5, bright_decay=0.12, dull_decay=0.4, detune=14.0, gate=0.6),
    "pluck_synth": Timbre(0.8, 2.2, bright_decay=0.08, dull_decay=0.3, detune=5.0),
    "warm_pad": Timbre(1.5, 1.8, attack=0.2, dull_decay=_HELD, release=0.3, detune=10.0),
    "bright_pad": Timbre(0.9, 1.2, attack=0.12, dull_decay=_HELD, release=0.3, detune=14.0),
}
