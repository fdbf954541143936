"""A search for good settings: ``python -m music_affect.train hparams_search=default model=cnn``.

Trials are judged by the task's deciding figure on the VALIDATION part, and NEVER by the test part: settings chosen by
it flatter every figure that is measured on it afterwards.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from music_affect.configuration import build
from music_affect.configuration.plan import Run, overrides_of, plan
from music_affect.contracts.errors import RunFolderError, TrainingError
from music_affect.sweep import shared_work
from music_affect.sweep.launching import finish, interrupted
from music_affect.sweep.naming import named
from music_affect.sweep.run_job import check_devices
from music_affect.sweep.search import checks
from music_affect.sweep.search import space as spaces
from music_affect.sweep.search.identity import about, command_for, first_difference
from music_affect.sweep.search.result import Result
from music_affect.sweep.search.study import JOURNAL, Study, check_installed, opened
from music_affect.system import console, files
from music_affect.system.plain_text import on_one_line

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial
    from rich.console import Console

ABOUT = "search.json"

log = logging.getLogger(__name__)


def run_search(cfg: DictConfig, launcher: Launcher, arguments: Sequence[str]) -> int:
    """Runs a search, or goes on with it.

    Args:
        cfg: of the command, Hydra's own included; it is given the search's name.
        launcher: of Hydra.
        arguments: overrides of the command line.

    Returns:
        Exit code: 0 also where some trials failed, 130 where it was interrupted, 1 where trials were cut off.

    Raises:
        MusicAffectError: the search cannot be made, or none of its trials came to an end.
    """
    check_installed()
    check_devices(cfg)
    out, given = console.make(), cfg.search
    axes = spaces.axes(build.plain(given.space))
    space = spaces.distributions(axes)
    checks.check_overrides_of(cfg, arguments, axes)
    checks.check_validation(cfg)
    now = about(cfg, axes)
    arguments = named(cfg, arguments, ABOUT, lambda path: _read(path) == now)
    folder = Path(cfg.hydra.sweep.dir)
    _refuse_another(folder / ABOUT, now, cfg)
    if cfg.sweep.dry_run and not (folder / ABOUT).is_file():
        out.print(f"All of the {given.trials} trials are still to run.")
        return 0
    drawn = {"seed": given.seed, "startup_trials": given.startup_trials}
    with opened(folder, space, mode=cfg.task.mode, **drawn) as study:
        if cfg.sweep.dry_run:
            left = max(0, given.trials - len(study.trials) + len(study.unfinished))
            out.print(Result(study, cfg.task.mode, cfg.task.monitor).table())
            out.print(f"{left} of {given.trials} trials are still to run.")
            return 0
        files.write_json(folder / ABOUT, now)
        code = Search(cfg, launcher, arguments, study).run()
        _report(study, cfg, arguments, out)
    return code


def _refuse_another(record: Path, now: dict[str, Any], cfg: DictConfig) -> None:
    """A folder that was named holds this search or none."""
    if not record.is_file():
        return
    if not (cfg.sweep.resume or cfg.sweep.dry_run):
        raise RunFolderError(
            f"{record.parent} holds a search",
            expected="a new folder",
            fix="add sweep.resume=true to go on with it, or choose another sweep.name",
        )
    difference = first_difference(_read(record), now)
    if difference:
        raise RunFolderError(
            f"the search in {record.parent} was started with {difference}",
            expected="the same space and settings to resume",
            fix="repeat the first command with sweep.resume=true, or choose another sweep.name",
        )


def _read(record: Path) -> dict[str, Any]:
    """What a search in a folder is; nothing where it cannot be read, which is no search of ours."""
    try:
        return files.read_object(record)
    except (OSError, ValueError):
        return {}


class Search:
    """The trials of a search, each of which is a run of a sweep.

    Args:
        cfg: of the command, Hydra's own included.
        launcher: of Hydra.
        arguments: overrides that all trials share.
        study: proposes them and learns from them.
    """

    def __init__(self, cfg: DictConfig, launcher: Launcher, arguments: Sequence[str], study: Study) -> None:
        self._cfg, self._launcher, self._study = cfg, launcher, study
        journal = Path(cfg.hydra.sweep.dir).absolute() / JOURNAL
        self._overrides = [*overrides_of(cfg, arguments), f"search.study={spaces.word(str(journal))}"]

    def run(self) -> int:
        """Runs the trials that are left; the exit code."""
        trials, folder = self._cfg.search.trials, self._cfg.hydra.sweep.dir
        log.info("Search in %s: %d trials by %s, never by the test part.", folder, trials, self._cfg.task.monitor)
        if interrupted(self._run_all):
            log.info("Interrupted; the same command with sweep.resume=true goes on.")
            return 130
        if self._study.unfinished:
            log.info("Not all trials are finished; the same command with sweep.resume=true goes on.")
            return 1
        return 0

    def _run_all(self) -> None:
        given, task = self._cfg.search, self._cfg.task
        shared_work.prepare([self._cfg])
        for batch in self._study.batches(given.trials, given.at_once):
            runs = [self._planned(trial) for trial in batch]
            different = {run.folder: run for run in runs}  # trials with the same settings are the same run
            finish(list(different.values()), self._launcher, first=batch[0].number)
            for trial, run in zip(batch, runs, strict=True):
                state = run.state.name
                if state not in ("done", "pruned", "failed"):
                    return
                value = validation(run.folder, task.monitor, task.mode) if state == "done" else math.nan
                self._study.record(trial.number, state, value)
                result = Result(self._study, task.mode, task.monitor)
                log.info(on_one_line(result.line(trial.number, given.trials)))

    def _planned(self, trial: FrozenTrial) -> Run:
        overrides = [*self._overrides, *spaces.overrides(trial.params), f"search.trial={trial.number}"]
        (run,) = plan(self._cfg.hydra.job.config_name, overrides)
        return run


def validation(folder: Path, monitor: str, mode: str) -> float:
    """The best of a finished run's epochs by the deciding figure on the validation part; NaN where there is none."""
    rows = files.read_csv(folder / "metrics.csv")
    finite = [float(row[monitor]) for row in rows if row.get(monitor) and math.isfinite(float(row[monitor]))]
    if not finite:
        return math.nan
    return max(finite) if mode == "max" else min(finite)


def _report(study: Study, cfg: DictConfig, arguments: Sequence[str], out: Console) -> None:
    result, folder = Result(study, cfg.task.mode, cfg.task.monitor), Path(cfg.hydra.sweep.dir)
    best = () if result.best is None else spaces.overrides(result.best.params)
    command = command_for(overrides_of(cfg, arguments), best)
    result.write(folder, command)
    out.print(result.table())
    if best:
        tried = sum(trial.value is not None for trial in result.trials)
        out.print(f"Best of {tried} on the validation part, where the best of several is partly luck: {' '.join(best)}")
        out.print("What it is worth, on the test part and over five seeds, on the data's own division:")
        out.print(f"  {command}")
    elif not study.unfinished:
        raise TrainingError(
            f"none of the {len(result.trials)} trials of the search came to an end ({result.counts})",
            expected="a usable figure from one of them",
            fix=f"look at the status.json of the runs in {folder}",
        )
