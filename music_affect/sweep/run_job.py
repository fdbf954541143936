"""One run of a sweep, as every launcher calls it: skipped, gone on with, or made; a failure never ends the sweep."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from multiprocessing import parent_process
from pathlib import Path
from threading import Thread
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from music_affect.configuration import build
from music_affect.configuration.compose import variable
from music_affect.contracts.errors import ConfigurationError, MusicAffectError, RunFolderError
from music_affect.runs import state as run_state
from music_affect.runs import writer as run_writer
from music_affect.sweep import device_lock
from music_affect.system import files, machine, output
from music_affect.system.parallel import cores
from music_affect.system.plain_text import on_one_line, without_controls

Job = Callable[[DictConfig, Path], dict[str, Any]]
WATCH = 0.5  # seconds between two looks at the command's process


def make_run(cfg: DictConfig, folder: Path, job: Job) -> float:
    """Makes a run unless it is there.

    Args:
        cfg: of the run.
        folder: of the run, known from its configuration.
        job: trains in the folder and returns the content of ``metrics.json``.

    Returns:
        The run's score; NaN where it has none, or failed.
    """
    output.keep_going()
    _end_with_the_command()
    retry_failed = cfg.sweep.retry_failed
    if run_state.state(folder).is_open(retry_failed=retry_failed):
        with open_dict(cfg), _resources(cfg):
            if run_state.state(folder).is_open(
                retry_failed=retry_failed
            ):  # still: waiting for a device may have taken hours
                return _number(_make(cfg, folder, job))
    return _number(run_state.state(folder).score)


def _make(cfg: DictConfig, folder: Path, job: Job) -> float | None:
    try:
        if run_state.state(folder).name == "failed":
            run_writer.clear_failed(folder)
        cfg.resume, cfg.overwrite = run_state.state(folder).name == "cut off", False
        return job(cfg, folder).get("score")
    except Exception as error:  # whatever it is, the other runs go on
        if run_state.is_interruption(error):
            raise
        with suppress(OSError):  # a full disk has no room for it
            _record_failure(folder, machine.explanation(error) or error)
        return None


def _number(score: float | None) -> float:
    return float("nan") if score is None else float(score)


@cache
def _end_with_the_command() -> None:
    """In a worker process: a killed command would leave it at work, and the same command again would find it so."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == parent.pid:  # joblib's workers know no better sign of it
            time.sleep(WATCH)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _record_failure(folder: Path, error: Exception) -> None:
    """In the run's own folder, whether or not it came as far as to claim it."""
    found = run_state.state(folder).name
    taken = found not in ("new", "failed") or files.locked(folder / ".lock")
    if found == "pruned" or (isinstance(error, RunFolderError) and taken):
        return  # it is no failure, or another process has taken the run up in this moment
    trace, reason = traceback.format_exc(), str(error) or type(error).__name__
    known = isinstance(error, MusicAffectError)
    brief = known and not variable("MUSIC_AFFECT_TRACEBACK")
    print(f"error: {on_one_line(reason)}" if brief else without_controls(trace), file=sys.stderr)
    if found in ("running", "done") or isinstance(error, machine.FullDiskError):
        return  # it belongs to another process, or is cut off
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
            folder = Path(cfg.paths.sweeps).expanduser() / cfg.sweep.name / ".places"
            held.enter_context(device_lock.one_of(places, folder))
        devices = _devices(cfg)
        if devices:
            names = {f"device-{_physical(device)}": device for device in devices}
            name = held.enter_context(device_lock.one_of(list(names), device_lock.machine_folder()))
            if cfg.trainer.accelerator != "cpu":
                cfg.trainer.devices = [names[name]]
        if at_once is not None:
            import torch

            torch.set_num_threads(max(1, cores() // at_once))
        yield


def check_devices(cfg: DictConfig) -> None:
    """Refuses GPUs that the machine which shares them out has not.

    Args:
        cfg: of a run, Hydra's own included.

    Raises:
        ConfigurationError: before anything is made.
    """
    on_nodes = any(word in str(cfg.hydra.launcher._target_) for word in ("Slurm", "ray"))
    if cfg.sweep.devices is None or cfg.trainer.accelerator == "cpu" or on_nodes:
        return
    import torch

    count = torch.cuda.device_count()
    if any(int(device) not in range(count) for device in cfg.sweep.devices):
        raise ConfigurationError(
            f"sweep.devices={list(cfg.sweep.devices)} on a machine with {count} usable GPUs",
            expected=f"numbers from 0 up to {count - 1}" if count else "a GPU",
            fix="correct sweep.devices" if count else "leave sweep.devices out, or add trainer=cpu",
        )


def _physical(device: int) -> str:
    """The machine's name for a GPU that this process may have been given under another number."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    name = given[device].strip() if device < len(given) else ""
    return name.replace("/", "-") or str(device)


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
