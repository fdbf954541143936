"""The launches of a sweep: one, and more where a process died under its runs or another command had some of them."""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence

from hydra.plugins.launcher import Launcher

from music_affect.configuration.plan import Run

LAUNCHES = 3
PATIENCE = 1.0  # seconds between two looks at runs that another process makes
LAUNCHERS = ("joblib", "submitit", "ray")

log = logging.getLogger(__name__)


def finish(runs: Sequence[Run], launcher: Launcher, *, retry_failed: bool = False, first: int = 0) -> None:
    """Launches runs and waits for those of other processes, until nothing is left that a launch can help.

    Args:
        runs: all runs; those that have ended are not launched.
        launcher: of Hydra.
        retry_failed: runs that failed before are launched as well.
        first: Hydra's number for the first run.
    """
    cut_off: Counter[str] = Counter()
    again = "submitit" not in type(launcher).__module__  # it queues jobs, which outlive this command
    waiting = [run for run in runs if run.state.is_open(retry_failed=retry_failed)]
    for number in range(1, LAUNCHES + 1):
        sound = not waiting or _launch(waiting, launcher, first)
        _wait(runs)
        left = [run for run in runs if run.state.is_open()]
        if not left or not sound or not again or number == LAUNCHES:
            return
        cut_off.update(run.digest for run in left if run.state.name == "cut off")
        waiting = [run for run in left if cut_off[run.digest] < 2]  # the others may be what kills the processes
        log.info("Launched again: %d of %d runs are left.", len(left), len(runs))


def interrupted(work: Callable[[], None]) -> bool:
    """Works, and says whether Ctrl-C ended it; whatever else ended it shows in the states of the runs."""
    try:
        work()
    except KeyboardInterrupt:
        return True
    except SystemExit as ended:
        if ended.code != 130:
            raise
        return True
    return False


def _launch(runs: Sequence[Run], launcher: Launcher, first: int) -> bool:
    """False where the launch itself has a defect, which is shown."""
    try:
        for returned in launcher.launch([run.overrides for run in runs], initial_job_idx=first):
            _ = returned.return_value  # raises what the job raised
    except Exception as error:
        if type(error).__module__.split(".")[0] not in LAUNCHERS:
            traceback.print_exc()
            return False
        kind = type(error).__name__
        log.info("A process ended under its run (%s); it was killed, or had no memory or time left.", kind)
    return True


def _wait(runs: Sequence[Run]) -> None:
    reported = False
    while running := [run for run in runs if run.state.name == "running"]:
        if not reported:
            log.info("Waiting for what another process makes: %d of %d runs.", len(running), len(runs))
            reported = True
        time.sleep(PATIENCE)
