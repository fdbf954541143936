"""The other processes of a run: started, waited for, ended, and asked why they failed."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from music_affect.errors import ConfigurationError, MusicAffectError, TrainingError

TIMEOUT = timedelta(minutes=10)  # for what one process waits for another: data, a batch, a checkpoint's writing
GRACE = 10.0  # seconds in which a process that has done its work, or failed at it, ends
READY = b"ready\n"
TOLD = "[rank"
LOST = re.compile("gloo|nccl|connection|broken pipe|timed out|socket", re.IGNORECASE)


class RankProcess:
    """Another process of the run, on this or another machine.

    Args:
        rank: its number, 1 or more.
        host: the machine.
        first: the machine of this process.
        port: at which this process waits for it there.
        folder: of the run; its log is kept there where it fails.
    """

    def __init__(self, rank: int, host: str, first: str, port: int, folder: Path) -> None:
        self.rank, self.log = rank, folder / f"rank-{rank}.log"
        elsewhere = ["srun", "--nodes=1", "--ntasks=1", "--overlap", f"--nodelist={host}"]
        words = [sys.executable, "-m", "music_affect.follower", str(folder.absolute()), str(rank), first, str(port)]
        with self.log.open("wb") as log:
            # In a session of its own: an interrupt at the terminal is for this process, which ends the others.
            self.popen = subprocess.Popen(
                words if host == first else [*elsewhere, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        """Waits until the process has its data; False where it ended before, or takes too long."""
        assert self.popen.stdout is not None
        there, _, _ = select.select([self.popen.stdout], [], [], TIMEOUT.total_seconds())
        return bool(there) and self.popen.stdout.readline() == READY

    def end(self) -> None:
        """Ends the process if it has not ended; its log stays only where it failed."""
        failed = self.popen.poll() not in (0, None)
        for pipe in (self.popen.stdin, self.popen.stdout):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(GRACE)  # it leaves by itself once its pipe is closed, also on another machine
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()
        if not failed:
            self.log.unlink(missing_ok=True)

    def failure(self) -> TrainingError | None:
        """Why the process ended, or None where it has not, or only because another one had."""
        code = self.popen.poll()
        if not code:
            return None
        reason = f"ended by signal {-code}" if code < 0 else self._last_words() or f"exit code {code}"
        if code > 0 and LOST.search(reason):
            return None
        return TrainingError(
            f"process {self.rank} of the run failed ({reason})",
            expected="every process to train to the end",
            fix=f"see {self.log}, then add resume=true",
        )

    def _last_words(self) -> str:
        """The last line of a traceback where there is one, without the number that PyTorch puts before it."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        told = [line for line in lines if line.startswith(TOLD)] or lines
        return told[-1].removeprefix(f"{TOLD}{self.rank}]: ") if told else ""


def wait_until_ready(processes: Sequence[RankProcess]) -> None:
    """Returns when all have their data.

    Raises:
        TrainingError: one has failed.
    """
    for process in processes:
        if not process.is_ready():
            with suppress(subprocess.TimeoutExpired):
                process.popen.wait(GRACE)
            raise process.failure() or TrainingError(
                f"process {process.rank} did not start", expected="its data within minutes", fix=f"see {process.log}"
            )


def wait_for_the_end(processes: Sequence[RankProcess]) -> None:
    """Gives processes that have trained to the end the time to leave."""
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.popen.wait(GRACE)


def explain(processes: Sequence[RankProcess], error: RuntimeError) -> None:
    """Tells the failure of another process in place of the lost connection that it left behind.

    Raises:
        TrainingError: another process failed; nothing is raised where none did.
    """
    if isinstance(error, MusicAffectError) or not LOST.search(str(error)):
        return
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline:
        for process in processes:
            failure = process.failure()
            if failure is not None:
                raise failure from error
        time.sleep(0.05)


def machines(nodes: int) -> list[str]:
    """Names of the machines, this one first.

    Raises:
        ConfigurationError: there are not so many.
    """
    if nodes == 1:
        return ["127.0.0.1"]
    names = os.environ.get("SLURM_JOB_NODELIST")
    if names is None or shutil.which("scontrol") is None:
        raise ConfigurationError(
            f"trainer.num_nodes={nodes} outside of a SLURM job",
            expected="a job that has been given so many machines",
            fix=f"submit the command with sbatch --nodes={nodes}, see conf/trainer/ddp.yaml",
        )
    command = ["scontrol", "show", "hostnames", names]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    own = [name for name in found if name.split(".")[0] == socket.gethostname().split(".")[0]]
    hosts = [*own, *(name for name in found if name not in own)]
    if len(hosts) < nodes or not own:
        raise ConfigurationError(
            f"trainer.num_nodes={nodes} in a SLURM job on {', '.join(found)}",
            expected="so many machines, this one among them",
            fix="give sbatch --nodes and trainer.num_nodes the same number",
        )
    return hosts[:nodes]
