"""The command that repeats a row of the leaderboard, from what its runs recorded."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from music_affect.runs.reader import RunFolder

_START = "python -m music_affect.train"
_SEARCH, _SPACE = "hparams_search", "search.space."
_ABOUT_THE_SWEEP = ("sweep.", "search.", "hydra.", "hydra/", "hparams_search=")
_TRAINS = re.compile(r"music[_-]affect[. ]train\b")
_SWEEP = ("-m", "--multirun")
_OWN = ("seed", "data.fold", "hydra.run.dir", "overwrite", "resume")  # told anew, or of that one folder
_LIST = re.compile(r",|=range\(")  # what stands for several runs
_QUOTED = set(" ,*[](){}$'\"&;|<>")


def repeat_command(runs: Sequence[RunFolder]) -> str:
    """One command for all seeds and folds of a configuration.

    It is that of the manifest, with the choices of the configuration in place of a sweep's lists; where there is no
    manifest, it names what ``config.yaml`` tells of task, data, features and model. Runs that differ in more than seed
    and fold (each fold from its own start) need a command each: that of the first is told.

    Args:
        runs: of one configuration, at least one.
    """
    told = [[word for word in _words(run) if _key(word) not in _OWN] for run in runs]
    differing = sorted({_key(word) for words in told for word in {*words} ^ {*told[0]}})
    repeated = runs[:1] if differing else runs
    seeds = _distinct([run.seed for run in repeated])
    folds = _distinct([run.fold for run in repeated])
    words = [*told[0], *([f"seed={','.join(seeds)}"] if seeds else [])]
    words += [f"data.fold={','.join(folds)}"] if folds else []
    sweep = ["-m"] if len(seeds) > 1 or len(folds) > 1 else []
    more = f"  # and {len(runs) - 1} more, each with its own {', '.join(differing)}" if differing else ""
    return " ".join([_START, *map(_quoted, [*sweep, *words])]) + more


def _words(run: RunFolder) -> list[str]:
    """Overrides of one run."""
    if run.words:
        return [word for word in run.words if not word.startswith(_ABOUT_THE_SWEEP)]
    command = str(run.manifest.get("command", ""))
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not _TRAINS.search(command):
        return _from_config(run.config)
    given = [word for word in words if "=" in word and not word.startswith("-")]
    if _SEARCH in map(_key, given):
        return [*(word for word in given if not word.startswith(_ABOUT_THE_SWEEP)), *_proposed(run.config)]
    return [_chosen(word, run.config) for word in given] if set(_SWEEP) & set(words) else given


def _proposed(config: Mapping[str, object]) -> list[str]:
    """What a search gave its trial: the settings of its space."""
    space = [key.removeprefix(_SPACE) for key, value in config.items() if key.startswith(_SPACE) and value is not None]
    keys = sorted({re.sub(r"\.(low|high|log|step)$", "", key) for key in space})
    return [f"{key}={config[key]}" for key in keys if key in config]


def _from_config(config: Mapping[str, object]) -> list[str]:
    names = ((group, config.get(f"{group}.name")) for group in ("task", "data", "features", "model"))
    return [f"{group}={name}" for group, name in names if name]


def _chosen(word: str, config: Mapping[str, object]) -> str:
    """A word of a sweep with the value that the configuration of one run has in place of a list."""
    key = _key(word)
    held = config.get(f"{key}.name", config.get(key))
    return word if held is None or not _LIST.search(word) else f"{key}={_written(held)}"


def _written(value: object) -> str:
    return f"[{','.join(map(_written, value))}]" if isinstance(value, list) else str(value)


def _key(word: str) -> str:
    return word.split("=", 1)[0].lstrip("+~")


def _distinct(values: Sequence[object]) -> list[str]:
    known = [value for value in dict.fromkeys(values) if value is not None]
    return [str(value) for value in sorted(known, key=lambda value: (str(type(value)), value))]


def _quoted(word: str) -> str:
    return shlex.quote(word) if set(word) & _QUOTED else word
