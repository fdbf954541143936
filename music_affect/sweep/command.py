"""A sweep from the command's side: which runs it has, what is shared by them, how far it is, and what became of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from music_affect.configuration.plan import Run, overrides_of, plan
from music_affect.contracts.errors import MusicAffectError
from music_affect.evaluation.sweep_report.sweep_report import write_sweep_report
from music_affect.sweep import progress, shared_work
from music_affect.sweep.launching import finish, interrupted
from music_affect.sweep.naming import named
from music_affect.sweep.run_job import check_devices
from music_affect.system import console, files

PLAN = "sweep.json"
_RECORD = {"commands": [[str]], "cells": [{"folder": str, "words": [str]}]}

log = logging.getLogger(__name__)


def run_sweep(cfg: DictConfig, launcher: Launcher, arguments: Sequence[str]) -> int:
    """Runs a sweep.

    Args:
        cfg: of the command, Hydra's own included; it is given the sweep's name.
        launcher: of Hydra.
        arguments: overrides of the command line, with lists of values.

    Returns:
        Exit code: 1 where a run failed or is not finished, 130 where somebody interrupted the sweep.

    Raises:
        MusicAffectError: a run has a setting without a meaning, or the sweep's folder cannot be written.
    """
    out, command = console.make(), _command(arguments)
    check_devices(cfg)
    arguments = named(cfg, arguments, PLAN, lambda path: command in _read_plan(path)["commands"])
    planned = plan(cfg.hydra.job.config_name, overrides_of(cfg, arguments))
    before = [run.state for run in planned]
    if cfg.sweep.dry_run:
        out.print(progress.table(planned, before, before))
        out.print(progress.forecast(planned, before))
        return 0
    _write_plan(planned, command)

    def work() -> None:
        prepare_shared(planned)
        finish(planned, launcher, retry_failed=cfg.sweep.retry_failed)

    with progress.Monitor(planned):
        stopped = interrupted(work)
    after = [run.state for run in planned]
    out.print(progress.table(planned, before, after))
    counts = Counter(state.name for state in after)
    folder = planned[0].folder.parent
    out.print(f"{', '.join(f'{count} {name}' for name, count in counts.most_common())}: {folder}")
    out.print(f"Report: {write_sweep_report([folder], folder)}")
    if stopped:
        out.print("Interrupted; the same command with sweep.resume=true goes on.")
        return 130
    if any(counts[name] for name in progress.OPEN):
        out.print("Not all runs are finished; the same command with sweep.resume=true goes on.")
    return 0 if counts.keys() <= {"done", "pruned"} else 1


def _command(arguments: Sequence[str]) -> list[str]:
    """What the sweep is, without what says how it is run."""
    return sorted(override for override in arguments if not override.startswith(("sweep.", "workers=")))


def _write_plan(planned: Sequence[Run], command: list[str]) -> None:
    """Adds this command to the sweep's record, and its runs beside those of earlier commands."""
    path = planned[0].folder.parent / PLAN
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(".plan.lock")):
        earlier = _read_plan(path)
        commands = [*(known for known in earlier["commands"] if known != command), command]
        words = {row["folder"]: row["words"] for row in earlier["cells"]}
        words |= {run.folder.name: run.own for run in planned}
        rows = [{"folder": folder, "words": own} for folder, own in words.items()]
        files.write_json(path, {"commands": commands, "cells": rows})


def _read_plan(path: Path) -> dict[str, Any]:
    """A sweep's record; empty where there is none that can be read."""
    try:
        return files.read_object(path, _RECORD)
    except (OSError, ValueError):
        return {"commands": [], "cells": []}


def prepare_shared(planned: Sequence[Run]) -> None:
    """Builds the feature caches of all runs that are still to be made, before any of them starts: each clip once."""
    waiting = [run.cfg for run in planned if run.state.name not in ("done", "pruned")]
    try:
        shared_work.prepare(waiting)
    except MusicAffectError as error:  # the runs that need it will fail and say so; others may not
        log.error("error: %s", error)
