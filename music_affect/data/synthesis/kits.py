"""The drum kits of the synthetic corpus."""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.data.synthesis.kit import Kit

KITS: Mapping[str, Kit] = {
    "jazz": Kit(75.0, 0.10, 0.10, 230.0, 0.07, 0.8, 10000.0, 1.3, 0.9),
    "brush": Kit(70.0, 0.10, 0.05, 210.0, 0.12, 1.5, 6000.0, 1.2, 0.5),
    "studio": Kit(62.0, 0.13, 0.25, 190.0, 0.10, 1.0, 10500.0, 1.0, 0.8),
    "rock": Kit(58.0, 0.15, 0.35, 180.0, 0.13, 1.2, 10500.0, 1.2, 1.0),
    "metal": Kit(60.0, 0.09, 0.80, 200.0, 0.11, 1.2, 11000.0, 1.4, 1.0),
    "machine": Kit(48.0, 0.25, 0.20, 210.0, 0.09, 1.5, 11000.0, 0.7, 0.9),
    "dance": Kit(50.0, 0.18, 0.40, 220.0, 0.12, 2.0, 11000.0, 0.9, 1.0),
    "dusty": Kit(64.0, 0.14, 0.20, 185.0, 0.11, 1.0, 5000.0, 0.9, 0.8),
    "timpani": Kit(82.0, 0.45, 0.02, 180.0, 0.10, 0.5, 3000.0, 1.0, 0.3),
}
