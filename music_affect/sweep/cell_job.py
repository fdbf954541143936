"""One run of a sweep, as every launcher calls it: skipped, gone on with, or made; a failure never ends the sweep."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from music_affect import build, files
from music_affect.errors import MusicAffectError
from music_affect.parallel import cores
from music_affect.sweep import cells, lease

Job = Callable[[DictConfig, Path], dict[str, Any]]


def run_cell(cfg: DictConfig, folder: Path, job: Job) -> float:
    """Makes a run unless it is there.

    Args:
        cfg: of the run.
        folder: of the run, known from its configuration.
        job: trains in the folder and returns the content of ``metrics.json``.

    Returns:
        The run's score; NaN where it has none, or failed.
    """
    found = cells.state(folder)
    if found.name == "done":
        return float("nan") if found.score is None else found.score
    if found.name in ("running", "pruned") or (found.name == "failed" and not cfg.sweep.retry_failed):
        return float("nan")
    with open_dict(cfg), _resources(cfg):
        cfg.resume, cfg.overwrite = found.name == "cut off", found.name == "failed"
        try:
            score = job(cfg, folder).get("score")
        except Exception as error:  # whatever it is, the other runs go on
            _record_failure(folder, error)
            return float("nan")
    return float("nan") if score is None else float(score)


def _record_failure(folder: Path, error: Exception) -> None:
    """In the run's own folder, whether or not it came as far as to claim it."""
    found = cells.state(folder).name
    if found == "pruned":
        return
    trace, reason = traceback.format_exc(), str(error) or type(error).__name__
    known = isinstance(error, MusicAffectError)
    print(f"error: {reason}" if known and not os.environ.get("MUSIC_AFFECT_TRACEBACK") else trace, file=sys.stderr)
    if found in ("running", "done"):
        return  # it belongs to another process
    files.write_text(folder / "traceback.txt", trace)
    if found != "failed":
        status = {"state": "failed", "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "reason": reason}
        files.write_json(folder / "status.json", status | {"traceback": trace})


@contextmanager
def _resources(cfg: DictConfig) -> Iterator[None]:
    """A device and a place among the jobs of this machine, and threads that are divided among them."""
    with ExitStack() as held:
        at_once = jobs_at_once(cfg)
        if at_once is not None and _starts_all(cfg):
            places = [f"place-{number}" for number in range(at_once)]
            held.enter_context(lease.one_of(places, Path(cfg.paths.sweeps) / cfg.sweep.name / ".places", _tell))
        devices = _devices(cfg)
        if devices:
            names = [f"device-{number}" for number in devices]
            name = held.enter_context(lease.one_of(names, lease.machine_folder(), _tell))
            if cfg.trainer.accelerator != "cpu":
                cfg.trainer.devices = [int(name.removeprefix("device-"))]
        if at_once is not None:
            import torch

            torch.set_num_threads(max(1, cores() // at_once))
        yield


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def jobs_at_once(cfg: DictConfig) -> int | None:
    """How many runs share this machine; None where one has it to itself or the launcher divides the cores."""
    if cfg.sweep.at_once is not None:
        return int(cfg.sweep.at_once)
    launcher = HydraConfig.get().launcher
    if "joblib" in launcher._target_:
        jobs = int(launcher.n_jobs)
        return jobs if jobs > 0 else max(1, cores() + 1 + jobs)
    return cores() if _starts_all(cfg) else None


def _starts_all(cfg: DictConfig) -> bool:
    """Whether the launcher starts every run at the same time on this machine."""
    return str(HydraConfig.get().launcher._target_).endswith("LocalLauncher")


def _devices(cfg: DictConfig) -> list[int]:
    """GPUs to be shared out, one a run."""
    if cfg.sweep.devices is not None:
        return [int(device) for device in cfg.sweep.devices]
    if cfg.trainer.accelerator == "cpu" or build.plain(cfg.trainer).get("devices") not in (None, 1, "auto"):
        return []
    import torch

    return list(range(torch.cuda.device_count())) if torch.cuda.device_count() > 1 else []
