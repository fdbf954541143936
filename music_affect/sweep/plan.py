"""Which runs a command line with ``-m`` or a grid stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, open_dict

from music_affect import configuration
from music_affect.sweep import cells

ABOUT_THE_SWEEP = ("sweep.", "hydra.", "hydra/")  # words that tell nothing of a run


@dataclass(frozen=True)
class Cell:
    """One run of the sweep.

    Args:
        words: of the command line, this run's values in place of the lists.
        cfg: composed from them, without Hydra's own.
        folder: where the run is made.
    """

    words: Sequence[str]
    cfg: DictConfig
    folder: Path

    @property
    def state(self) -> cells.State:
        return cells.state(self.folder)


def plan(config_name: str, arguments: Sequence[str]) -> list[Cell]:
    """All cells of a command line, in Hydra's order."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    words = [word for word in arguments if not word.startswith("-")]
    with hydra.initialize_config_dir(str(configuration.conf_folder().absolute()), version_base="1.3"):
        whole = hydra.compose(config_name, _without_sweeps(words), return_hydra_config=True)
        params = [f"{key}={value}" for key, value in (whole.hydra.sweeper.params or {}).items()]
        overrides = OverridesParser.create().parse_overrides([*params, *words])
        found = []
        for line in BasicSweeper.split_arguments(overrides, None)[0]:
            cfg = hydra.compose(config_name, line, return_hydra_config=True)
            configuration.check_names(cfg)
            folder = Path(cfg.hydra.sweep.dir) / cfg.hydra.sweep.subdir
            with open_dict(cfg):
                del cfg["hydra"]  # four fifths of it, and there may be thousands of cells
            own = [word for word in line if not word.startswith(ABOUT_THE_SWEEP)]
            found.append(Cell(own, cfg, folder))
    return found


def _without_sweeps(words: Sequence[str]) -> list[str]:
    overrides = OverridesParser.create().parse_overrides(list(words))
    return [str(override.input_line) for override in overrides if not override.is_sweep_override()]


def mean_seconds(planned: Sequence[Cell], states: Sequence[cells.State]) -> dict[str, float]:
    """Seconds that finished runs of each model took; of all under the empty name."""
    found: dict[str, list[float]] = {}
    for cell, state in zip(planned, states, strict=True):
        if state.seconds is not None:
            for name in (str(cell.cfg.model.name), ""):
                found.setdefault(name, []).append(state.seconds)
    return {name: fmean(seconds) for name, seconds in found.items()}
