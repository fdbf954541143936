"""One training run in several processes: this one, and those that it starts beside itself for the time of the fit.

This process is rank 0. It alone writes, and everything but the fit is its own business: the others (``follower.py``)
read the run's configuration from its folder, and live no longer than the pipe that connects them to this process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from music_affect.distributed.processes import (
    TIMEOUT,
    RankProcess,
    explain,
    machines,
    wait_for_the_end,
    wait_until_ready,
)
from music_affect.errors import ConfigurationError


@dataclass(frozen=True)
class Layout:
    """Which processes there are.

    Args:
        devices: a node, as the trainer takes them: their number, or the numbers of GPUs.
        nodes: machines, each with so many devices.
    """

    devices: int | list[int] = 1
    nodes: int = 1

    @classmethod
    def of(cls, trainer: Mapping[str, Any]) -> Layout:
        """From the trainer's settings.

        Raises:
            ConfigurationError: devices that are no number.
        """
        devices, nodes = trainer.get("devices", 1), trainer.get("num_nodes", 1)
        if devices in (None, "auto"):
            return cls(1, nodes)
        if (isinstance(devices, list) and devices) or (isinstance(devices, int) and devices > 0):
            return cls(devices, nodes)
        raise ConfigurationError(
            f"trainer.devices={devices}",
            expected="the number of processes on each machine, or the numbers of its GPUs",
            fix="write trainer.devices=2 or trainer.devices=[0,1]",
        )

    @property
    def a_node(self) -> int:
        return self.devices if isinstance(self.devices, int) else len(self.devices)

    @property
    def ranks(self) -> int:
        return self.a_node * self.nodes

    @property
    def alone(self) -> dict[str, Any]:
        """Settings of a trainer that runs in this process only."""
        return {"devices": self.devices[:1] if isinstance(self.devices, list) else 1, "num_nodes": 1}

    def settings(self, rank: int, *, may_freeze: bool) -> dict[str, Any]:
        """Settings of the trainer of one process, which has joined the group.

        Args:
            rank: of the process.
            may_freeze: some weights get no gradient at times.
        """
        if self.ranks == 1:
            return self.alone
        strategy = DDPStrategy(
            cluster_environment=_Place(rank, self.a_node),
            find_unused_parameters=may_freeze,
        )
        # Each process is given its own rows of every batch by the sampler of the data module.
        return {
            "devices": self.devices,
            "num_nodes": self.nodes,
            "strategy": strategy,
            "use_distributed_sampler": False,
        }


class _Place(LightningEnvironment):
    """Tells Lightning that its processes have been started, and which of them this one is."""

    def __init__(self, rank: int, a_node: int) -> None:
        super().__init__()
        self._node, self._local = divmod(rank, a_node)

    @property
    def creates_processes_externally(self) -> bool:
        return True

    def node_rank(self) -> int:
        return self._node

    def local_rank(self) -> int:
        return self._local


def meeting_place(host: str, ranks: int, port: int | None = None) -> Any:
    """A store that all processes find each other in, ``port`` attribute included.

    Args:
        host: of the first process.
        ranks: how many processes there are.
        port: at which the first process has opened it; None opens it at a free one.
    """
    first = port is None
    return TCPStore(host, port or 0, ranks, is_master=first, timeout=TIMEOUT, wait_for_workers=False)


def join(store: Any, rank: int, ranks: int, accelerator: str) -> None:
    """Enters the group of the processes; returns once all have.

    Args:
        store: the meeting place.
        rank: of this process.
        ranks: how many there are.
        accelerator: that they train on, as the trainer's setting has it.
    """
    on_gpu = accelerator != "cpu" and torch.cuda.is_available()
    dist.init_process_group("nccl" if on_gpu else "gloo", store=store, rank=rank, world_size=ranks, timeout=TIMEOUT)


@contextmanager
def group(layout: Layout, accelerator: str, folder: Path) -> Iterator[None]:
    """The processes of a run, for the time of the block.

    Args:
        layout: which there are; of one process nothing is started.
        accelerator: that they train on.
        folder: of the run, claimed by this process.

    Raises:
        TrainingError: another process failed.
    """
    if layout.ranks == 1:
        yield
        return
    hosts = machines(layout.nodes)
    store = meeting_place(hosts[0], layout.ranks)
    with _divided_threads(layout.a_node):
        others = [
            RankProcess(rank, hosts[rank // layout.a_node], hosts[0], store.port, folder)
            for rank in range(1, layout.ranks)
        ]
        try:
            wait_until_ready(others)
            join(store, 0, layout.ranks, accelerator)
            yield
            wait_for_the_end(others)
        except RuntimeError as error:
            explain(others, error)
            raise
        finally:
            for process in others:
                process.end()
            if dist.is_initialized():
                dist.destroy_process_group()


@contextmanager
def _divided_threads(processes: int) -> Iterator[None]:
    """Divides this process's threads among those of the machine; afterwards it has them all again."""
    threads, before = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    share = max(1, threads // processes)
    os.environ["OMP_NUM_THREADS"] = str(share)
    torch.set_num_threads(share)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
