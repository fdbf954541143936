"""An older run makes way for a new one in its folder, and comes back unless the new one has begun to train.

The older run's files move into a hidden folder whose name says how far that is; each step is a rename, so whoever
comes after a kill knows which run the files in the run folder are of.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

MOVING, ASIDE, GONE = ".replaced-partly", ".replaced", ".replaced-for-good"
HIDDEN = (MOVING, ASIDE, GONE)
_WRITTEN = (  # by a run, its tracker, and what evaluates it; a folder's own name: where it is a link to another disk
    *("status.json", "config.yaml", "manifest.json", "metrics.json", "metrics.csv", "predictions.csv", "report.md"),
    *(
        "traceback.txt",
        "*-profile.txt",
        "mlflow.txt",
        "csv",
        "csv/*",
        "tensorboard",
        "tensorboard/*",
        "wandb",
        "wandb/*",
    ),
    *("checkpoints", "checkpoints/last.ckpt", "checkpoints/last.previous.ckpt", "checkpoints/best.ckpt"),
    *("figures", "figures/*.png", "references", "references/*.csv", "members", "members/*/.lock"),
    *("evaluations/*/scores.json", "predictions/*-csv.csv", "predictions/*-kaggle.csv"),
)
_OF_A_MEMBER = re.compile(r"members/[^/]+/(?!\.lock$)")  # of an average, which is a run in its turn


def set_aside(folder: Path) -> None:
    """Moves the files of the run in a folder out of the way of another one."""
    (folder / MOVING).mkdir()
    _move(folder, folder / MOVING)
    (folder / MOVING).rename(folder / ASIDE)


def put_back(folder: Path) -> bool:
    """Undoes ``set_aside``, and what was written since; True where there was something to undo."""
    if (folder / GONE).is_dir():
        shutil.rmtree(folder / GONE)
    if (folder / ASIDE).is_dir():
        remove(folder)
        (folder / ASIDE).rename(folder / MOVING)
    if not (folder / MOVING).is_dir():
        return False
    _move(folder / MOVING, folder)
    shutil.rmtree(folder / MOVING)
    return True


def let_go(folder: Path) -> None:
    """Removes what was set aside for good."""
    if (folder / ASIDE).is_dir():
        (folder / ASIDE).rename(folder / GONE)
        shutil.rmtree(folder / GONE)


def remove(folder: Path) -> None:
    """Removes the files of the run in a folder, and no others."""
    for path in _written(folder):
        path.unlink()
        _remove_empty(path.parent, folder)


def _written(folder: Path) -> list[Path]:
    """Files of a run; a link counts as itself and is not followed."""
    names = {path: _OF_A_MEMBER.sub("", str(path.relative_to(folder)), count=1) for path in _inside(folder)}
    return [path for path, own in names.items() if any(fnmatch(own, name) for name in _WRITTEN)]


def _inside(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in HIDDEN]
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        yield from (Path(place, name) for name in (*names, *links))


def _move(source: Path, target: Path) -> None:
    for path in _written(source):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
        _remove_empty(path.parent, source)


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top:
        with suppress(OSError):
            folder.rmdir()
        folder = folder.parent
