"""What a sweep meant to run, as far as its folder tells: the words of every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from music_affect.evaluation.sweep.lenient import read_json, read_yaml

PLAN = "sweep.json"
_HYDRA = Path(".hydra") / "overrides.yaml"

Plan = Mapping[str, Sequence[str]]


def read_plan(folder: Path) -> Plan:
    """Words of the cells by the names of their folders; nothing where there is no plan."""
    cells = (read_json(folder / PLAN) or {}).get("cells")
    rows = [row for row in cells if isinstance(row, Mapping)] if isinstance(cells, list) else []
    return {str(row["folder"]): [str(word) for word in row.get("words") or []] for row in rows if "folder" in row}


def own_words(folder: Path) -> list[str]:
    """Words that Hydra noted in a run's own folder, where it did."""
    found = read_yaml(folder / _HYDRA) if (folder / _HYDRA).is_file() else None
    return [str(word) for word in found] if isinstance(found, list) else []
