"""What a sweep meant to run, as far as its folder tells: the words of every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from music_affect.evaluation.sweep.lenient import read_json, read_yaml
from music_affect.plain_text import is_word
from music_affect.shapes import mismatch

PLAN = "sweep.json"
_ROW = {"folder": str, "words": [str]}
_HYDRA = Path(".hydra") / "overrides.yaml"

Plan = Mapping[str, Sequence[str]]


def read_plan(folder: Path) -> Plan:
    """Words of the cells by the names of their folders; nothing where there is no plan."""
    found = read_json(folder / PLAN)
    rows = [] if found is None or mismatch(found, {"cells": list}) else found["cells"]
    return {row["folder"]: row["words"] for row in rows if not mismatch(row, _ROW) and is_word(row["folder"])}


def own_words(folder: Path) -> list[str]:
    """Words that Hydra noted in a run's own folder, where it did."""
    found = read_yaml(folder / _HYDRA) if (folder / _HYDRA).is_file() else None
    return [str(word) for word in found] if isinstance(found, list) else []
