"""A process that trains beside another one: started by ``distributed/ranks.py`` for ``trainer=ddp``, not by people."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from music_affect.data.datamodule import ClipDataModule


def main() -> None:
    """``python -m music_affect.follower RUN_FOLDER RANK HOST PORT``."""
    folder, rank, host, port = sys.argv[1:]
    # What stops a job is sent to all of its processes. The first one answers, and this one then ends with it.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever is printed from here on goes to the log
    follow(Path(folder), int(rank), host, int(port), answers)


def _end_with_the_first() -> None:
    """The first process holds the other end of the pipe: once it is gone, however it went, so are we."""
    os.read(0, 1)
    os._exit(1)


def follow(folder: Path, rank: int, host: str, port: int, answers: int) -> None:
    """Reads the run's configuration and data, says so, and trains.

    Args:
        folder: of the run.
        rank: of this process.
        host: of the first process.
        port: at which it waits.
        answers: file descriptor that it reads.
    """
    import torch.distributed as dist
    from omegaconf import DictConfig, OmegaConf

    from music_affect import build, fitting
    from music_affect.distributed import processes, ranks
    from music_affect.run_writer import RunWriter

    cfg = OmegaConf.load(folder / "config.yaml")
    assert isinstance(cfg, DictConfig)
    layout = ranks.Layout.of(build.plain(cfg.trainer))
    data = _data(cfg)
    os.write(answers, processes.READY)
    ranks.join(ranks.meeting_place(host, layout.ranks, port), rank, layout.ranks, cfg.trainer.accelerator)
    fitting.follow(cfg, data, RunWriter(folder), rank)
    dist.destroy_process_group()


def _data(cfg: DictConfig) -> ClipDataModule:
    """What the first process trains on, from the cache that it has built."""
    from music_affect import build, preparation, transfer

    prepared = preparation.prepare(cfg, build.source(cfg), print)
    start = transfer.read(cfg)
    normalizer = None if start is None else start.description.normalizer
    data = build.datamodule(cfg, prepared.cache, prepared.splits, prepared.targets, normalizer)
    if cfg.loader.overfit_batches:
        data.splits["val"] = []
    return data


if __name__ == "__main__":
    main()
