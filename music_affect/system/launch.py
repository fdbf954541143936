"""The processes of one run, as Lightning, torchrun or srun start them: which one this is, and how they end.

Rank 0 alone claims the run's folder, writes, and tests. The others read the run's configuration from that folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from music_affect.contracts.errors import ConfigurationError, MusicAffectError, TrainingError

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

RUN = "MUSIC_AFFECT_RUN"  # folder of the run that Lightning has started this process for
GRACE = 10.0  # seconds in which a process that has done its work, or failed at it, ends
LOST = re.compile("gloo|nccl|connection|broken pipe|timed out|socket|aborted", re.IGNORECASE)
_JOB = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_PORT")
_SLURM_JOB = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT")


def started_for() -> Path | None:
    """The run folder, where rank 0 of a run has had Lightning start this process; else None."""
    folder = os.environ.get(RUN)
    return Path(folder) if folder else None


def rank() -> int:
    """Number of this process among those that torchrun, srun or Lightning started together; 0 where it is alone."""
    if started_for() is None and "RANK" not in os.environ and int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        return int(os.environ["SLURM_PROCID"])
    return int(os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or 0)


def processes() -> int:
    """How many processes torchrun or srun started together; 1 where neither did."""
    return int(os.environ.get("WORLD_SIZE") or os.environ.get("SLURM_STEP_NUM_TASKS") or 1)


def job() -> str:
    """A text that all processes of one start have in common, and no other start has; empty in a lone process."""
    names = _JOB if "TORCHELASTIC_RUN_ID" in os.environ else _SLURM_JOB if processes() > 1 else ()
    return ":".join(os.environ.get(name, "") for name in names)


def is_requeued() -> bool:
    """SLURM has started this job again, after it was preempted or its machine failed."""
    return int(os.environ.get("SLURM_RESTART_COUNT") or 0) > 0


def check(trainer: Trainer) -> None:
    """Refuses strategies and numbers of processes that a run cannot be trained with, before any work.

    Raises:
        ConfigurationError: with what was started or asked for.
    """
    launcher = trainer.strategy.launcher
    if type(launcher).__module__.endswith(".multiprocessing"):
        raise ConfigurationError(
            f"trainer.strategy={type(trainer.strategy).__name__} forks or spawns its processes",
            expected="a strategy whose processes are started as commands, such as ddp or fsdp",
            fix="write trainer.strategy=ddp",
        )
    started = processes() if started_for() is None else trainer.world_size
    if started not in (1, trainer.world_size):
        raise ConfigurationError(
            f"{started} processes were started and the trainer asks for {trainer.world_size}",
            expected="trainer.devices x trainer.num_nodes processes",
            fix=f"start so many with torchrun or srun, or set trainer.devices={started}",
        )
    environment = getattr(trainer.strategy, "cluster_environment", None)
    if trainer.num_nodes > 1 and (environment is None or not environment.creates_processes_externally):
        raise ConfigurationError(
            f"trainer.num_nodes={trainer.num_nodes} in a single process",
            expected="a process for each device, started on every machine",
            fix="start the command with torchrun --nnodes, or with srun in a SLURM job",
        )
    with refused_by_lightning():
        if environment is not None:
            environment.validate_settings(trainer.num_devices, trainer.num_nodes)


@contextmanager
def refused_by_lightning() -> Iterator[None]:
    """Tells what Lightning has against the trainer's settings as a mistake of the user's, in its words."""
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    try:
        yield
    except (MisconfigurationException, ConfigurationError, ValueError, TypeError) as error:
        cause = (error.__cause__ and error.__cause__.__cause__) or error.__cause__ or error
        raise ConfigurationError(
            f"the trainer cannot be set up ({' '.join(str(cause).split())[:300]})",
            expected="settings that Lightning takes and that this machine has the hardware for",
            fix="correct them, or try trainer=cpu",
        ) from error


@contextmanager
def launched(trainer: Trainer, folder: Path) -> Iterator[None]:
    """The time in which Lightning may start further processes of a run; afterwards they have ended.

    What Lightning starts is ``python -m music_affect.train``, whatever started this process: a sweep's launcher, a
    notebook or a test. It is told the run's folder by the environment.

    Args:
        trainer: that is about to fit.
        folder: of the run.

    Raises:
        TrainingError: another process failed.
    """
    if trainer.world_size == 1 or rank() > 0:
        yield
        return
    import torch
    import torch.distributed as dist

    threads, environment = torch.get_num_threads(), dict(os.environ)
    os.environ[RUN] = str(folder.absolute())
    try:
        with _as_command():
            yield
    except BaseException as error:
        if isinstance(error, RuntimeError):
            _explain(_children(trainer), error)
        for child in _children(trainer):
            child.kill()  # they write nothing, and wait for this process in a collective that no signal ends
        raise
    finally:
        _end(_children(trainer))
        if dist.is_initialized():
            dist.destroy_process_group()
        os.environ.clear()
        os.environ.update(environment)
        torch.set_num_threads(threads)


@contextmanager
def _as_command() -> Iterator[None]:
    """This process as ``python -m music_affect.train`` without words: Lightning repeats a process's own command."""
    main = sys.modules["__main__"]
    words, before = sys.argv, getattr(main, "__spec__", None)
    sys.argv, main.__spec__ = words[:1], find_spec("music_affect.train")
    try:
        yield
    finally:
        sys.argv, main.__spec__ = words, before


def watch_children(trainer: Trainer) -> None:
    """Takes the processes that Lightning has started from its observer, once all of them have joined.

    The observer kills this process with any of them that fails, and a whole sweep with it. Where they talk through
    gloo, the lost connection is noticed at once instead; with NCCL it is not, and the observer stays.
    """
    import torch.distributed as dist

    launcher: Any = trainer.strategy.launcher
    if getattr(launcher, "procs", None) and dist.get_backend() == "gloo":
        launcher.children = list(launcher.procs)
        launcher.procs.clear()


def _children(trainer: Trainer) -> list[subprocess.Popen[Any]]:
    launcher: Any = trainer.strategy.launcher
    found: list[subprocess.Popen[Any]] = getattr(launcher, "children", None) or getattr(launcher, "procs", [])
    return found


def _end(children: list[subprocess.Popen[Any]]) -> None:
    """Waits for the other processes, and ends those that do not leave by themselves."""
    deadline = time.monotonic() + GRACE
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.1, deadline - time.monotonic()))
        if child.poll() is None:
            child.kill()
            child.wait()
    children.clear()


def _explain(children: Sequence[subprocess.Popen[Any]], error: RuntimeError) -> None:
    """Raises the failure of another process in place of the lost connection that it left behind."""
    if isinstance(error, MusicAffectError) or not LOST.search(str(error)):
        return
    deadline = time.monotonic() + GRACE
    while children and time.monotonic() < deadline:
        for number, child in enumerate(children, 1):
            if child.poll():
                how = f"signal {-child.returncode}" if child.returncode < 0 else f"exit code {child.returncode}"
                raise TrainingError(
                    f"process {number} of the run ended with {how}",
                    expected="every process to train to the end",
                    fix="see what it printed above, then add resume=true",
                ) from error
        time.sleep(0.05)
