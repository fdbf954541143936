"""The name of a sweep or search, which is that of its folder: a new one, or that of the same command before."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from omegaconf import DictConfig

from music_affect.contracts.errors import RunFolderError
from music_affect.sweep.search.space import word

log = logging.getLogger(__name__)


def named(cfg: DictConfig, arguments: Sequence[str], record: str, same: Callable[[Path], bool]) -> list[str]:
    """Fixes the name of a sweep for all of its processes.

    Args:
        cfg: of the command, whose ``sweep.name`` is set.
        arguments: of the command line.
        record: name of the file in which a sweep or search keeps what it is.
        same: says whether the record at a path is that of this command. With ``sweep.resume`` the newest such sweep
            goes on.

    Returns:
        The arguments, with the name among them.
    """
    if any(override.startswith("sweep.name=") for override in arguments):
        return list(arguments)
    sweeps, earlier = Path(cfg.paths.sweeps).expanduser(), None
    if cfg.sweep.resume:
        records = sorted(sweeps.glob(f"*/{record}"), key=lambda path: path.stat().st_mtime, reverse=True)
        earlier = next((path.parent.name for path in records if same(path)), None)
        if earlier is None:
            log.info("No earlier sweep of this command was found; it starts afresh.")
    if earlier is not None or not cfg.sweep.dry_run:
        cfg.sweep.name = earlier or claimed(sweeps)
    return [*arguments, f"sweep.name={word(str(cfg.sweep.name))}"]


def claimed(sweeps: Path) -> str:
    """A new sweep is named after the time; of several that start within a second, the later ones get a number."""
    now, number = time.strftime("%Y-%m-%d_%H-%M-%S"), 1
    while True:
        name = now if number == 1 else f"{now}-{number}"
        try:
            (sweeps / name).mkdir(parents=True)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise RunFolderError(
                f"the folder {sweeps / name} cannot be made ({error.strerror})",
                expected="a writable place",
                fix="set paths.sweeps to one",
            ) from error
        else:
            return name
