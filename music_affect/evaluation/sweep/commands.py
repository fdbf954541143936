"""The command that repeats a row of the leaderboard, from what its cells recorded."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Mapping, Sequence

from music_affect.evaluation.sweep.cells import Cell

_START = "python -m music_affect.train"
_SEARCH, _SPACE = "hparams_search", "search.space."
_ABOUT_THE_SWEEP = ("sweep.", "search.", "hydra.", "hydra/", "hparams_search=")
_SWEEP = ("-m", "--multirun")
_OWN = ("seed", "data.fold", "hydra.run.dir", "overwrite", "resume")  # told anew, or of that one folder
_QUOTED = set(" ,*[](){}$'\"&;|<>")


def repeat_command(cells: Sequence[Cell]) -> str:
    """One command for all seeds and folds of a configuration.

    It is that of the manifest, with the choices of the configuration in place of a sweep's lists; where there is no
    manifest, it names what ``config.yaml`` tells of task, data, features and model. Runs that differ in more than seed
    and fold (each fold from its own start) need a command each: that of the first is told.

    Args:
        cells: runs of one configuration, at least one.
    """
    told = [[word for word in _words(cell) if _key(word) not in _OWN] for cell in cells]
    differing = sorted({_key(word) for words in told for word in {*words} ^ {*told[0]}})
    repeated = cells[:1] if differing else cells
    seeds = _distinct([cell.seed for cell in repeated])
    folds = _distinct([cell.fold for cell in repeated])
    words = [*told[0], *([f"seed={','.join(seeds)}"] if seeds else [])]
    words += [f"data.fold={','.join(folds)}"] if folds else []
    sweep = ["-m"] if len(seeds) > 1 or len(folds) > 1 else []
    more = f"  # and {len(cells) - 1} more, each with its own {', '.join(differing)}" if differing else ""
    return " ".join([_START, *map(_quoted, [*sweep, *words])]) + more


def _words(cell: Cell) -> list[str]:
    """Overrides of one cell."""
    if cell.words:
        return [word for word in cell.words if not word.startswith(_ABOUT_THE_SWEEP)]
    command = str(cell.manifest.get("command", ""))
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not any("music_affect.train" in word for word in words):
        return _from_config(cell.config)
    given = [word for word in words if "=" in word and not word.startswith("-")]
    if _SEARCH in map(_key, given):
        return [*(word for word in given if not word.startswith(_ABOUT_THE_SWEEP)), *_proposed(cell.config)]
    return _of_the_cell(given, cell) if set(_SWEEP) & set(words) else given


def _proposed(config: Mapping[str, object]) -> list[str]:
    """What a search gave its trial: the settings of its space."""
    space = [key.removeprefix(_SPACE) for key, value in config.items() if key.startswith(_SPACE) and value is not None]
    keys = sorted({re.sub(r"\.(low|high|log|step)$", "", key) for key in space})
    return [f"{key}={config[key]}" for key in keys if key in config]


def _from_config(config: Mapping[str, object]) -> list[str]:
    names = ((group, config.get(f"{group}.name")) for group in ("task", "data", "features", "model"))
    return [f"{group}={name}" for group, name in names if name]


def _of_the_cell(words: Sequence[str], cell: Cell) -> list[str]:
    """One value of each list: that which the configuration has, else the one that the cell's number stands for."""
    lists = [_options(word) for word in words]
    number, cells = cell.path.name.split("-", 1)[0], list(itertools.product(*lists))
    counted = cells[int(number)] if number.isdigit() and int(number) < len(cells) else tuple(words)
    return [_told(word, options, cell, other) for word, options, other in zip(words, lists, counted, strict=True)]


def _told(word: str, options: Sequence[str], cell: Cell, counted: str) -> str:
    if len(options) == 1 or _key(word) in _OWN:
        return word
    held = {str(cell.config.get(name)) for name in (_key(word), f"{_key(word)}.name")}
    fitting = [option for option in options if option.split("=", 1)[1] in held]
    return fitting[0] if len(fitting) == 1 else counted


def _options(word: str) -> list[str]:
    """``model=a`` and ``model=b`` of ``model=a,b``; commas inside brackets part nothing."""
    key, _, value = word.partition("=")
    if value.startswith("range(") and value.endswith(")"):
        return _ranged(key, value)
    parts, depth = [""], 0
    for letter in value:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [f"{key}={part}" for part in parts]


def _ranged(key: str, value: str) -> list[str]:
    try:
        ends = [int(part) for part in value[len("range(") : -1].split(",")]
        return [f"{key}={number}" for number in range(*ends)]
    except (TypeError, ValueError):
        return [f"{key}={value}"]


def _key(word: str) -> str:
    return word.split("=", 1)[0].lstrip("+~")


def _distinct(values: Sequence[object]) -> list[str]:
    known = [value for value in dict.fromkeys(values) if value is not None]
    return [str(value) for value in sorted(known, key=lambda value: (str(type(value)), value))]


def _quoted(word: str) -> str:
    return shlex.quote(word) if set(word) & _QUOTED else word
