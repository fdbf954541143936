"""The table of clips that an audit leaves behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from music_affect.data.audit.evidence import Evidence
from music_affect.system import files
from music_affect.system.plain_text import portable

MEASURED = ("seconds", "rate", "channels", "peak", "clipped", "silent", "problem", "detail")


def write_table(path: Path, evidence: Evidence) -> None:
    """Writes a row a clip: what its file holds, what is wrong with it, what it is a copy of, its labels."""
    header = ["id", "path", *MEASURED, "duplicate_of", "group", "split", "fold", *evidence.targets]
    files.write_csv(path, [portable(name) for name in header], _rows(evidence))


def _rows(evidence: Evidence) -> Iterator[Sequence[Any]]:
    for place, (clip, known) in enumerate(zip(evidence.clips, evidence.facts, strict=True)):
        first = evidence.copies.first[place]
        cells = [
            clip.id,
            clip.path,
            *(getattr(known, name) for name in MEASURED),
            None if first == place else evidence.clips[first].id,
            clip.group,
            clip.split,
            clip.fold,
            *(clip.labels.get(name) for name in evidence.targets),
        ]
        yield ["" if cell is None else portable(cell) for cell in cells]
