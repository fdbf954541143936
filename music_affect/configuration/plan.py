"""The runs that a command line with ``-m`` or a grid stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from omegaconf import DictConfig, open_dict

from music_affect.configuration import compose as configuration
from music_affect.configuration.overrides import parsed
from music_affect.runs import state as run_state


@dataclass(frozen=True)
class Run:
    """One run of a sweep.

    Args:
        overrides: of this run, with one value each; those of Hydra itself are not among them.
        cfg: the configuration that is composed from them, without Hydra's own.
        folder: where the run is made.
    """

    overrides: Sequence[str]
    cfg: DictConfig
    folder: Path

    @property
    def own(self) -> list[str]:
        """The overrides that say what the run is, without those of its sweep."""
        return [override for override in self.overrides if not override.startswith("sweep.")]

    @property
    def state(self) -> run_state.State:
        return run_state.state(self.folder)

    @property
    def digest(self) -> str:
        return self.folder.name.rpartition("-")[2]


def overrides_of(cfg: DictConfig, arguments: Sequence[str]) -> list[str]:
    """All overrides of a command: those of Hydra itself, those of a grid, and the arguments, which come last."""
    params = cfg.hydra.sweeper.get("params") or {}
    return [*cfg.hydra.overrides.hydra, *(f"{key}={value}" for key, value in params.items()), *arguments]


def plan(config_name: str, overrides: Sequence[str]) -> list[Run]:
    """Composes every run of a command line, in Hydra's order.

    Raises:
        ConfigurationError: one of the runs has a setting without a meaning.
    """
    values: dict[str, list[str]] = {}
    for override in parsed(overrides):
        key, line = override.get_key_element(), str(override.input_line)
        swept = override.is_sweep_override()
        values[key] = [f"{key}={value}" for value in override.sweep_string_iterator()] if swept else [line]
    with configuration.composing():
        return [_run(config_name, chosen) for chosen in product(*values.values())]


def _run(config_name: str, overrides: Sequence[str]) -> Run:
    cfg = configuration.composed(config_name, overrides)
    folder = Path(cfg.hydra.sweep.dir) / cfg.hydra.sweep.subdir
    with open_dict(cfg):
        del cfg["hydra"]  # four fifths of it, and there may be thousands of runs
    own = [override for override in overrides if not override.lstrip("+~").startswith(("hydra.", "hydra/"))]
    return Run(own, cfg, folder)
