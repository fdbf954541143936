"""What a sweep varied, found by comparing the configurations of its cells."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from music_affect.evaluation.sweep.cells import Cell

NAMES = ("task.name", "data.name", "features.name", "model.name")
TITLES = {"task.name": "task", "data.name": "data", "features.name": "features", "model.name": "model"}
_START = "start_from"
_FIRST = (*NAMES, _START)
_REPEATED = {"seed", "data.fold", "also.fold"}  # the same configuration once more
_ELSEWHERE = {"run_name", "resume", "overwrite", "workers", "data.root", "also.root"}  # where and how, not what
_ELSEWHERE_BELOW = ("sweep.", "search.", "paths.", "logger.", "hydra.", "data.source.root", "also.source.root")
UNKNOWN = "–"


def find_axes(cells: Sequence[Cell]) -> list[str]:
    """Names of the settings that tell the configurations apart, as few as do.

    A setting that follows from those already found is none of them: the width of a network goes with ``model``, a
    learning rate that stands in two places is told once. One that some configurations do not know, since an older
    version wrote them, is compared among the others alone.

    Args:
        cells: runs, in whatever state.

    Returns:
        Dotted names: task, data, features and model first, then settings of the commands, then others.
    """
    asked = {word for cell in cells for word in _asked(cell)}

    def order(key: str) -> tuple[bool, int, bool, bool, int, str]:
        place = _FIRST.index(key) if key in _FIRST else len(_FIRST)
        return key == "tag", place, key not in asked, ".recipe." in key, key.count("."), key

    chosen: list[str] = []
    for key in sorted({key for cell in cells for key in cell.config if not _left_out(key)}, key=order):
        if not _follows(cells, chosen, key):
            chosen.append(key)
    return chosen


def setting(cell: Cell, key: str) -> str:
    """What a cell has for a setting, as people read it."""
    value = _value(cell.config, key)
    if value is None:
        return UNKNOWN
    plain = json.loads(value)
    if key == _START:
        return "scratch" if plain is None else str(plain)
    if key.endswith("_target_") or (isinstance(plain, str) and "/" in plain):
        return re.split(r"[./]", str(plain))[-1]
    if isinstance(plain, float):
        return f"{plain:g}"
    return "none" if plain is None else plain if isinstance(plain, str) else value.strip('"')


def axis_title(key: str) -> str:
    """``model`` for ``model.name``, ``scheduler`` for ``scheduler._target_``, the dotted name of anything else."""
    return TITLES.get(key, key.removesuffix("._target_"))


def _asked(cell: Cell) -> list[str]:
    words = str(cell.manifest.get("command", "")).replace("'", "").split()
    return [word.split("=", 1)[0].lstrip("+~") for word in [*words, *cell.words] if "=" in word]


def _left_out(key: str) -> bool:
    return key in _REPEATED | _ELSEWHERE or key.startswith(_ELSEWHERE_BELOW)


def _follows(cells: Sequence[Cell], chosen: Sequence[str], key: str) -> bool:
    """Whether cells that agree in everything chosen agree in this too."""
    seen: dict[tuple[str | None, ...], str] = {}
    for cell in cells:
        value = _value(cell.config, key)
        group = tuple(_value(cell.config, name) for name in chosen)
        if value is not None and seen.setdefault(group, value) != value:
            return False
    return True


def _value(config: Mapping[str, Any], key: str) -> str | None:
    """A setting as text; ``null`` where its group was left out; None where the configuration does not know it."""
    if key in config:
        value = config[key]
        return json.dumps(_start(value) if key == _START else value, default=str)
    parents = [key[:place] for place in range(len(key)) if key[place] == "."]
    return "null" if any(parent in config and not config[parent] for parent in parents) else None


def _start(value: object) -> str | None:
    """A start without the seed and the fold that its folder names: the run of each fold starts from its own."""
    if value is None:
        return None
    names = [part for part in PurePath(str(value)).parts if part != "checkpoints" and not part.endswith(".ckpt")]
    if not names:
        return str(value)
    told = re.sub(r"^\d+-|-[0-9a-f]{8}$", "", names[-1])  # numbers and digests of a sweep's cells
    return re.sub(r"-[sf]\d+(?=-|$)", "", told)
