"""A sweep from the command's side: which runs it has, what is shared by them, how far it is, and what became of it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from omegaconf import DictConfig

from music_affect import files
from music_affect.errors import MusicAffectError, RunFolderError
from music_affect.sweep import cell_job
from music_affect.sweep.plan import ABOUT_THE_SWEEP, Cell, plan

if TYPE_CHECKING:
    from rich.console import Console

PLAN = "sweep.json"
_RECORD = {"commands": [[str]], "cells": [{"folder": str, "words": [str]}]}


def run_sweep(config_name: str, first: DictConfig, launch: Callable[[], Any]) -> int:
    """Runs a sweep.

    Args:
        config_name: of the entry point.
        first: configuration of its first cell, Hydra's own included.
        launch: starts all cells through Hydra.

    Returns:
        Exit code: 1 where a cell failed.
    """
    from music_affect import console  # rich and matplotlib, only now
    from music_affect.evaluation.sweep.sweep_report import write_sweep_report
    from music_affect.sweep import launching, progress

    out = console.make()
    cell_job.check_devices(first)
    _choose_name(first, out)
    planned = plan(config_name, sys.argv[1:])
    before = [cell.state for cell in planned]
    if first.sweep.dry_run:
        out.print(progress.table(planned, before, before))
        out.print(progress.forecast(planned, before))
        return 0
    _write_plan(planned)

    def work() -> None:
        prepare_shared(planned, out.print)
        launching.finish(planned, launch, out.print, again="submitit" not in str(first.hydra.launcher._target_))

    with progress.Monitor(planned, out):
        interrupted = _interrupted(work)
    after = [cell.state for cell in planned]
    out.print(progress.table(planned, before, after))
    counts = Counter(state.name for state in after)
    folder = planned[0].folder.parent
    out.print(f"{', '.join(f'{count} {name}' for name, count in counts.most_common())}: {folder}")
    out.print(f"Report: {write_sweep_report([folder], folder)}")
    if interrupted:
        out.print("Interrupted; the same command with sweep.resume=true goes on.")
        return 130
    if any(counts[name] for name in progress.OPEN):
        out.print("Not all runs are finished; the same command with sweep.resume=true goes on.")
    return 0 if counts.keys() <= {"done", "pruned"} else 1


def _interrupted(work: Callable[[], None]) -> bool:
    """Works, and says whether Ctrl-C ended it; whatever else ended it shows in the states of the runs."""
    try:
        work()
    except KeyboardInterrupt:
        return True
    except SystemExit as ended:
        return ended.code == 130
    return False


def _choose_name(first: DictConfig, out: Console) -> None:
    """Fixes the sweep's name for all of its processes; with ``sweep.resume`` it is that of the same command before."""
    if any(word.startswith("sweep.name=") for word in sys.argv):
        return
    sweeps, name = Path(first.paths.sweeps).expanduser(), None
    if first.sweep.resume:
        name = _same_command(sweeps, _command(sys.argv[1:]))
        if name is None:
            out.print("No earlier sweep of this command was found; it starts afresh.")
    name = name or (str(first.sweep.name) if first.sweep.dry_run else _claimed_name(sweeps))
    first.sweep.name = name
    sys.argv.append(f"sweep.name={name}")


def _claimed_name(sweeps: Path) -> str:
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


def _same_command(sweeps: Path, command: list[str]) -> str | None:
    """The newest sweep that the command has started."""
    for path in sorted(sweeps.glob(f"*/{PLAN}"), key=lambda path: path.stat().st_mtime, reverse=True):
        if command in _read_plan(path)["commands"]:
            return path.parent.name
    return None


def _command(arguments: Sequence[str]) -> list[str]:
    """What the sweep is, without what says how it is run."""
    return sorted(word for word in arguments if not word.startswith((*ABOUT_THE_SWEEP, "-", "workers=")))


def _write_plan(planned: Sequence[Cell]) -> None:
    """Adds this call to the sweep's record: what it was asked for, and its cells beside those of earlier calls."""
    path = planned[0].folder.parent / PLAN
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(".plan.lock")):
        earlier = _read_plan(path)
        now = _command(sys.argv[1:])
        commands = [*(known for known in earlier["commands"] if known != now), now]
        words = {row["folder"]: row["words"] for row in earlier["cells"]}
        words |= {cell.folder.name: list(cell.words) for cell in planned}
        rows = [{"folder": folder, "words": own} for folder, own in words.items()]
        files.write_json(path, {"commands": commands, "cells": rows})


def _read_plan(path: Path) -> dict[str, Any]:
    """A sweep's record; empty where there is none that can be read."""
    try:
        return files.read_object(path, _RECORD)
    except (OSError, ValueError):
        return {"commands": [], "cells": []}


def prepare_shared(planned: Sequence[Cell], say: Callable[[str], None]) -> None:
    """Builds the feature caches of all cells that are still to run, before any of them starts: each clip once."""
    from music_affect.sweep import shared_work

    waiting = [cell.cfg for cell in planned if cell.state.name not in ("done", "pruned")]
    try:
        shared_work.prepare(waiting)
    except MusicAffectError as error:  # the cells that need it will fail and say so; others may not
        say(f"error: {error}")
