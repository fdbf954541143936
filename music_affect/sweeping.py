"""A sweep from the command's side: which runs it has, what is shared by them, how far it is, and what became of it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from music_affect import files
from music_affect.errors import MusicAffectError
from music_affect.sweep_plan import ABOUT_THE_SWEEP, Cell, plan

if TYPE_CHECKING:
    from rich.console import Console

PLAN = "sweep.json"


def run(config_name: str, first: DictConfig, launch: Callable[[], Any]) -> int:
    """Runs a sweep.

    Args:
        config_name: of the entry point.
        first: configuration of its first cell, Hydra's own included.
        launch: starts all cells through Hydra.

    Returns:
        Exit code: 1 where a cell failed.
    """
    from music_affect import console, sweep_progress  # rich and matplotlib, only now
    from music_affect.evaluation.sweep.sweep_report import write_sweep_report

    out = console.make()
    _choose_name(first, out)
    planned = plan(config_name, sys.argv[1:])
    before = [cell.state for cell in planned]
    if first.sweep.dry_run:
        out.print(sweep_progress.table(planned, before, before))
        out.print(sweep_progress.forecast(planned, before), highlight=False)
        return 0
    _write_plan(planned, first)
    prepare_shared(planned, first, out)
    with sweep_progress.Monitor(planned, out):
        try:
            launch()
        except SystemExit as ended:
            if ended.code == 130:  # interrupted: what is left is told below
                out.print("Interrupted; the same command with sweep.resume=true goes on.", highlight=False)
    after = [cell.state for cell in planned]
    out.print(sweep_progress.table(planned, before, after))
    counts = Counter(state.name for state in after)
    folder = planned[0].folder.parent
    out.print(f"{', '.join(f'{count} {name}' for name, count in counts.most_common())}: {folder}", highlight=False)
    out.print(f"Report: {write_sweep_report([folder], folder)}", highlight=False)
    return 0 if counts.keys() <= {"done", "pruned"} else 1


def _choose_name(first: DictConfig, out: Console) -> None:
    """Fixes the sweep's name for all of its processes; with ``sweep.resume`` it is that of the same command before."""
    if any(word.startswith("sweep.name=") for word in sys.argv):
        return
    name = time.strftime("%Y-%m-%d_%H-%M-%S")
    if first.sweep.resume:
        earlier = _same_command(Path(first.paths.sweeps), _command(sys.argv[1:]))
        if earlier is None:
            out.print("No earlier sweep of this command was found; it starts afresh.", highlight=False)
        name = earlier or name
    first.sweep.name = name
    sys.argv.append(f"sweep.name={name}")


def _same_command(sweeps: Path, command: list[str]) -> str | None:
    """The newest sweep that the command has started."""
    for path in sorted(sweeps.glob(f"*/{PLAN}"), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            if files.read_json(path)["command"] == command:
                return path.parent.name
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _command(arguments: Sequence[str]) -> list[str]:
    """What the sweep is, without what says how it is run."""
    return sorted(word for word in arguments if not word.startswith((*ABOUT_THE_SWEEP, "-", "workers=")))


def _write_plan(planned: Sequence[Cell], first: DictConfig) -> None:
    folder = planned[0].folder.parent
    rows = [{"folder": cell.folder.name, "words": list(cell.words)} for cell in planned]
    files.write_json(folder / PLAN, {"command": _command(sys.argv[1:]), "cells": rows})


def prepare_shared(planned: Sequence[Cell], first: DictConfig, out: Console) -> None:
    """Builds the feature caches of all cells that are still to run, before any of them starts: each clip once."""
    from music_affect import shared_work

    def say(line: str) -> None:
        out.print(line, highlight=False, markup=False)

    waiting = [cell.cfg for cell in planned if cell.state.name not in ("done", "pruned")]
    try:
        shared_work.prepare(waiting, say)
    except MusicAffectError as error:  # the cells that need it will fail and say so; others may not
        say(f"error: {error}")
