"""A search for good settings: ``python -m music_affect.train hparams_search=default model=cnn``.

Trials are judged by the task's deciding figure on the VALIDATION part, and NEVER by the test part: settings chosen by
it flatter every figure that is measured on it afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from music_affect import files
from music_affect.errors import RunFolderError, TrainingError
from music_affect.search import checks
from music_affect.search import space as spaces
from music_affect.search.launch import Job, Launch
from music_affect.search.loop import search
from music_affect.search.result import Result
from music_affect.search.storage import JOURNAL, check_installed
from music_affect.search.study import Study, opened
from music_affect.search.words import about, command_for, first_difference
from music_affect.sweep.cell_job import check_devices
from music_affect.sweep.launching import is_lost_worker

if TYPE_CHECKING:
    from rich.console import Console

ABOUT = "search.json"


@dataclass(frozen=True)
class Setup:
    """A search as it was asked for.

    Args:
        config_name: of the entry point.
        cfg: of a run without the search's own values.
        words: of the command line, the sweep's name among them.
        folder: of the search.
        axes: of the space, by setting.
    """

    config_name: str
    cfg: DictConfig
    words: list[str]
    folder: Path
    axes: dict[str, spaces.Axis]


def run_search(config_name: str, first: DictConfig, arguments: Sequence[str], job: Job) -> int:
    """Runs a search, or goes on with it.

    Args:
        config_name: of the entry point.
        first: the composed configuration, Hydra's own included.
        arguments: of the command line.
        job: what a launcher calls for a run; it does not raise, and leaves ``status.json`` and ``metrics.csv``.

    Returns:
        Exit code: 0 also where some trials failed, 130 where it was interrupted, 1 where a process of it was killed.

    Raises:
        MusicAffectError: the search cannot be made, or none of its trials came to an end.
    """
    check_installed()
    check_devices(first)
    from music_affect import console

    out = console.make()
    setup = _set_up(config_name, first, [word for word in arguments if not word.startswith("-")])
    given = first.search
    if first.sweep.dry_run and not (setup.folder / ABOUT).is_file():
        out.print(f"All of the {given.trials} trials are still to run.")
        return 0
    with opened(
        setup.folder,
        spaces.distributions(setup.axes),
        mode=first.task.mode,
        seed=given.seed,
        startup_trials=given.startup_trials,
    ) as study:
        if first.sweep.dry_run:
            left = max(0, given.trials - len(study.trials) + len(study.unfinished()))
            out.print(Result(study, first.task.mode).table(first.task.monitor))
            out.print(f"{left} of {given.trials} trials are still to run.")
            return 0
        files.write_json(setup.folder / ABOUT, about(first, setup.axes))
        code = _search(setup, study, job, out)
        _report(setup, study, out)
    return code


def _set_up(config_name: str, first: DictConfig, words: list[str]) -> Setup:
    given = first.search
    axes = spaces.axes(checks.plain(given.space))
    checks.check_words(config_name, first, words, axes)
    checks.check_validation(first)
    folder = _folder(first, axes, named=any(word.startswith("sweep.name=") for word in words))
    words = [word for word in words if not word.startswith("sweep.name=")]
    return Setup(config_name, first, [*words, f"sweep.name={spaces.word(folder.name)}"], folder, axes)


def _folder(first: DictConfig, axes: dict[str, spaces.Axis], *, named: bool) -> Path:
    """The search's folder: a new one, or, to resume, that of the same search."""
    sweeps, now = Path(first.paths.sweeps).expanduser(), about(first, axes)
    if first.sweep.resume and not named:
        earlier = sorted(sweeps.glob(f"*/{ABOUT}"), key=lambda path: path.stat().st_mtime)
        same = [path.parent for path in earlier if _read(path) == now]
        return same[-1] if same else sweeps / time.strftime("%Y-%m-%d_%H-%M-%S")
    folder = sweeps / str(first.sweep.name)
    if (folder / ABOUT).is_file():
        if not (first.sweep.resume or first.sweep.dry_run):
            raise RunFolderError(
                f"{folder} holds a search",
                expected="a new folder",
                fix="add sweep.resume=true to go on with it, or choose another sweep.name",
            )
        difference = first_difference(_read(folder / ABOUT), now)
        if difference:
            raise RunFolderError(
                f"the search in {folder} was started with {difference}",
                expected="the same space and settings to resume",
                fix="repeat the first command with sweep.resume=true, or choose another sweep.name",
            )
    return folder


def _read(path: Path) -> dict[str, Any]:
    """What a search in a folder is; nothing where it cannot be read, which is no search of ours."""
    try:
        return files.read_object(path)
    except (OSError, ValueError):
        return {}


def _search(setup: Setup, study: Study, job: Job, out: Console) -> int:
    """Asks and tells; the exit code."""
    from music_affect.sweep import shared_work

    given, monitor = setup.cfg.search, setup.cfg.task.monitor

    def told(number: int) -> None:
        result = Result(study, setup.cfg.task.mode)
        trial = next(trial for trial in result.trials if trial.number == number)
        value = "" if trial.value is None else f"  {monitor} {trial.value:.4f}"
        best = "" if result.best is None else f"  (best {result.best.value:.4f})"
        ended = sum(one.state != "running" for one in result.trials)
        line = f"{ended} of {given.trials}: trial {number} {trial.state}{value}{best}  {' '.join(trial.words)}"
        out.print(line)

    out.print(f"Search in {setup.folder}: {given.trials} trials by {monitor}, never by the test part.")
    shared_work.prepare([setup.cfg])
    try:
        with Launch(setup.config_name, setup.words, setup.folder / JOURNAL, job) as launch:
            search(study, launch, trials=given.trials, at_once=given.at_once, told=told)
    except KeyboardInterrupt:
        out.print("Interrupted; the same command with sweep.resume=true goes on.")
        return 130
    except Exception as error:
        if not is_lost_worker(error):
            raise
        ended = f"A process ended under its trial ({type(error).__name__})"
        out.print(f"{ended}; the same command with sweep.resume=true goes on.")
        return 1
    return 0


def _report(setup: Setup, study: Study, out: Console) -> None:
    result, monitor = Result(study, setup.cfg.task.mode), setup.cfg.task.monitor
    command = "" if result.best is None else command_for(setup.words, result.best.words)
    result.write(setup.folder, monitor, command)
    out.print(result.table(monitor))
    if result.best is not None:
        out.print(f"Best: {' '.join(result.best.words)}")
        out.print("Train and test it over five seeds, on the data's own division:")
        out.print(f"  {command}")
    elif not study.unfinished():
        raise TrainingError(
            f"none of the {len(result.trials)} trials of the search came to an end ({result.counts})",
            expected="a usable figure from one of them",
            fix=f"look at the status.json of the runs in {setup.folder}",
        )
