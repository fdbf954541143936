"""The trials of a search through Hydra's launchers, a batch at a time."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import hydra
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from music_affect import configuration, files
from music_affect.plain_text import on_one_line
from music_affect.search.space import word
from music_affect.search.study import Proposal
from music_affect.sweep import cells

Job = Callable[[DictConfig], Any]
QUIET = "hydra/hydra_logging=none"  # the search itself tells a line a trial
PATIENCE = 2.0  # seconds between two looks at a run that another process still makes


class Launch:
    """Runs batches of trials with the launcher that was chosen; a context, which Hydra is set up for.

    Args:
        config_name: of the entry point.
        words: of the command line that all trials share.
        journal: the study's file.
        job: what a launcher calls for a run.
    """

    def __init__(self, config_name: str, words: Sequence[str], journal: Path, job: Job) -> None:
        self._config_name, self._words, self._journal = config_name, list(words), journal.absolute()
        self._task, self._open = Judged(job), ExitStack()

    def __enter__(self) -> Self:
        conf = str(configuration.conf_folder().absolute())
        self._open.enter_context(hydra.initialize_config_dir(conf, version_base="1.3", job_name=self._config_name))
        loader = GlobalHydra.instance().config_loader()
        words = [*self._words, QUIET]
        cfg = loader.load_configuration(self._config_name, words, run_mode=RunMode.MULTIRUN, from_shell=False)
        self._words = list(cfg.hydra.overrides.task)  # its own words reach each run through the whole configuration
        context = HydraContext(config_loader=loader, callbacks=Callbacks(cfg))
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=context, task_function=self._task, config=cfg
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def __call__(self, proposals: Sequence[Proposal]) -> list[float]:
        """What each trial is worth; NaN where it has failed or was stopped."""
        jobs = [
            [*self._words, *one.words, f"search.trial={one.number}", f"search.study={word(str(self._journal))}"]
            for one in proposals
        ]
        returned = self._launcher.launch(jobs, initial_job_idx=proposals[0].number)
        return [_value(one) for one in returned]


@dataclass(frozen=True)
class Judged:
    """A run as a trial: made by the job, worth what it reached on the validation part.

    Args:
        job: makes the run.
    """

    job: Job

    def __call__(self, cfg: DictConfig) -> float:
        folder = Path(HydraConfig.get().runtime.output_dir)
        self.job(cfg)
        while cells.state(folder).name == "running":  # another process was at it
            print(f"waiting for the process that still makes {on_one_line(folder)}", file=sys.stderr)
            while cells.state(folder).name == "running":
                time.sleep(PATIENCE)
            self.job(cfg)
        return validation(folder, cfg.task.monitor, cfg.task.mode) if cells.state(folder).name == "done" else math.nan


def validation(folder: Path, monitor: str, mode: str) -> float:
    """The best of a finished run's epochs by the deciding figure on the validation part; NaN where there is none."""
    rows = files.read_csv(folder / "metrics.csv")
    values = [float(row[monitor]) for row in rows if row.get(monitor)]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return math.nan
    return max(finite) if mode == "max" else min(finite)


def _value(returned: JobReturn) -> float:
    """A defect of ours in a trial is shown, and costs that trial alone.

    Raises:
        KeyboardInterrupt: the trial was stopped, and is to go on with the search.
    """
    try:
        return float(returned.return_value)
    except Exception as error:  # Hydra hands on what the job raised
        if cells.is_interruption(error):
            raise KeyboardInterrupt from error
        print(f"error: {on_one_line(error)}", file=sys.stderr)
        return math.nan
