"""The launches of a sweep: one, and more where a process died under its runs or another command had some of them."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from music_affect.sweep.plan import Cell

LAUNCHES = 3
PATIENCE = 1.0  # seconds between two looks at runs that another process makes
LAUNCHERS = ("joblib", "submitit", "ray")

Say = Callable[[str], None]


def finish(planned: Sequence[Cell], launch: Callable[[], Any], say: Say, *, again: bool) -> None:
    """Launches the runs and waits for those of other processes, until nothing is left that a launch can help.

    Args:
        planned: the runs.
        launch: starts all of them through Hydra.
        say: receives lines for the console.
        again: runs that were cut off are launched again. Not where a launcher queues jobs that outlive the command.
    """
    cut_off: Counter[str] = Counter()
    for number in range(1, LAUNCHES + 1):
        sound = _launch(launch, say)
        _wait(planned, say)
        left = [cell for cell in planned if cell.state.name in ("new", "cut off")]
        if not left or not sound or not again or number == LAUNCHES:
            return
        cut_off.update(cell.folder.name.rpartition("-")[2] for cell in left if cell.state.name == "cut off")
        twice = [digest for digest, count in cut_off.items() if count > 1]
        if twice:  # they may be what kills the processes
            sys.argv.append(f"+sweep.leave=[{','.join(repr(digest) for digest in twice)}]")
        say(f"Launched again: {len(left)} of {len(planned)} runs are left.")


def is_lost_worker(error: Exception) -> bool:
    """Whether a launcher tells of the death of a process; anything else is a defect."""
    return type(error).__module__.split(".")[0] in LAUNCHERS


def _launch(launch: Callable[[], Any], say: Say) -> bool:
    """False where the launch itself has a defect, which is shown."""
    try:
        with _errors_raised():
            launch()
    except Exception as error:
        if not is_lost_worker(error):
            traceback.print_exc()
            return False
        say(f"A process ended under its run ({type(error).__name__}); it was killed, or had no memory or time left.")
    return True


@contextmanager
def _errors_raised() -> Iterator[None]:
    """Hydra hands on what a launcher raises; else it prints the whole traceback and ends the process."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = before


def _wait(planned: Sequence[Cell], say: Say) -> None:
    told = False
    while running := [cell for cell in planned if cell.state.name == "running"]:
        if not told:
            say(f"Waiting for what another process makes: {len(running)} of {len(planned)} runs.")
            told = True
        time.sleep(PATIENCE)
