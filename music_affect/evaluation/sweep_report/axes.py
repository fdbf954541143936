"""What a sweep varied, found by comparing the configurations of its runs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePath

from music_affect.runs.reader import DONE, RunFolder

NAMES = ("task.name", "data.name", "features.name", "model.name")
TITLES = {"task.name": "task", "data.name": "data", "features.name": "features", "model.name": "model"}
START, TEST = "start_from", "test"  # the latter is no setting: tested on held-out clips, or fold by fold
_FIRST = (*NAMES, START, TEST)
_REPEATED = {"seed", "data.fold", "also.fold"}  # the same configuration once more
_ELSEWHERE = {"run_name", "resume", "overwrite", "workers", "data.root", "also.root"}  # where and how, not what
_ELSEWHERE_BELOW = ("sweep.", "search.", "paths.", "logger.", "hydra.", "data.source.root", "also.source.root")


def find_axes(runs: Sequence[RunFolder]) -> list[str]:
    """Names of the settings that tell the configurations apart, as few as do.

    A setting that follows from those already found is none of them: the width of a network goes with ``model``, a
    learning rate that stands in two places is told once. One that some configurations do not know, since an older
    version wrote them, is compared among the others alone.

    Args:
        runs: in whatever state.

    Returns:
        Dotted names: task, data, features and model first, then settings of the commands, then others.
    """
    asked = {word for run in runs for word in _asked(run)}

    def order(key: str) -> tuple[bool, int, bool, bool, int, str]:
        place = _FIRST.index(key) if key in _FIRST else len(_FIRST)
        return key == "tag", place, key not in asked, ".recipe." in key, key.count("."), key

    chosen: list[str] = []
    for key in sorted({TEST, *(key for run in runs for key in run.config if not _left_out(key))}, key=order):
        if not _follows(runs, chosen, key):
            chosen.append(key)
    return chosen


def exact(run: RunFolder, key: str) -> str | None:
    """A setting as JSON; ``null`` where its group was left out; None where the configuration does not know it.

    Which devices a run was given, or which seed and fold its start has, is no difference.
    """
    if key == TEST:
        return _tested(run)
    if key in run.config:
        return json.dumps(_meant(key, run.config[key]), default=str)
    parents = [key[:place] for place in range(len(key)) if key[place] == "."]
    return "null" if any(parent in run.config and not run.config[parent] for parent in parents) else None


def axis_title(key: str) -> str:
    """``model`` for ``model.name``, ``scheduler`` for ``scheduler._target_``, the dotted name of anything else."""
    return TITLES.get(key, key.removesuffix("._target_"))


def _asked(run: RunFolder) -> list[str]:
    words = str(run.manifest.get("command", "")).replace("'", "").split()
    return [word.split("=", 1)[0].lstrip("+~") for word in [*words, *run.words] if "=" in word]


def _left_out(key: str) -> bool:
    return key in _REPEATED | _ELSEWHERE or key.startswith(_ELSEWHERE_BELOW)


def _follows(runs: Sequence[RunFolder], chosen: Sequence[str], key: str) -> bool:
    """Whether runs that agree in everything chosen agree in this too."""
    seen: dict[tuple[str | None, ...], str] = {}
    for run in runs:
        value = exact(run, key)
        group = tuple(exact(run, name) for name in chosen)
        if value is not None and seen.setdefault(group, value) != value:
            return False
    return True


def _tested(run: RunFolder) -> str | None:
    if run.state != DONE and "data.fold" not in run.config:
        return None
    return json.dumps("hold-out" if run.fold is None else "folds")


def _meant(key: str, value: object) -> object:
    if key == START and value is not None:
        return _start(str(value))
    if key == "trainer.devices" and isinstance(value, list):
        return len(value)
    return value


def _start(path: str) -> str:
    """A start without the seed and the fold that its folder names: the run of each fold starts from its own."""
    run = PurePath(path)
    run = run.parent.parent if run.parent.name == "checkpoints" else run
    told = re.sub(r"^\d+-|-[0-9a-f]{8}$", "", run.name)  # numbers and digests of runs of a sweep
    return str(run.parent / re.sub(r"-[sf]\d+(?=-|$)", "", told))
