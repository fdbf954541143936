"""The ten styles by genre. Ranges of related genres overlap on purpose: no single property gives a genre away."""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.data.synthesis.style import Style
from music_affect.data.synthesis.styles_acoustic import ACOUSTIC
from music_affect.data.synthesis.styles_bands import BANDS
from music_affect.data.synthesis.styles_beats import BEATS
from music_affect.data.synthesis.styles_swung import SWUNG

STYLES: Mapping[str, Style] = dict(sorted({**ACOUSTIC, **BANDS, **BEATS, **SWUNG}.items()))

GENRES = tuple(STYLES)
