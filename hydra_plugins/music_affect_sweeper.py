"""The sweeper of ``conf/hydra/sweeper/runs.yaml``, where Hydra looks for sweepers.

Hydra imports this file in every program of the environment: nothing of the package is imported before a sweep starts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class RunSweeper(Sweeper):
    """Makes the runs of a grid or the trials of a search with the launcher that is configured.

    A run that is finished is not made again, and one that was cut off goes on.

    Args:
        params: values of a grid by setting, like ``{"seed": "0,1,2"}``.
    """

    config: DictConfig
    launcher: Launcher

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = dict(params or {})

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> None:
        """Runs the sweep, and exits where it is not finished or a run of it failed."""
        from music_affect.configuration.command_line import reported
        from music_affect.sweep.command import run_sweep
        from music_affect.sweep.search.command import run_search

        run = run_sweep if self.config.get("search") is None else run_search
        reported(lambda: _exit_unless_finished(run(self.config, self.launcher, arguments)))


def _exit_unless_finished(code: int) -> None:
    if code:
        sys.exit(code)
