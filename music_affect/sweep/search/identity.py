"""What a search is known by, and the command that trains what it found."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig

from music_affect.configuration.overrides import SEARCHPATH
from music_affect.contracts.shapes import flat
from music_affect.runs.state import settings_of

# Overrides of the search that do not change the run that it found.
ABOUT_THE_SEARCH = ("hparams_search=", "search.", "sweep.", "hydra.", "hydra/", "resume=", "overwrite=", "workers=")
FOR_THE_SEARCH = ("split.val_fraction=", "seed=")  # a part held out to choose by, and the one seed of the trials


def about(cfg: DictConfig, axes: Mapping[str, Any]) -> dict[str, Any]:
    """What makes a search the same search: its space, and the settings that all of its runs share."""
    space = {f"search.space.{name}": axis for name, axis in axes.items()}
    return {**space, **flat(settings_of(cfg))}


def first_difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """``"model.name=cnn and this command says lstm"``, or None where both are the same."""
    # The name of a choice says more than the first of its settings.
    for key in sorted({**before, **now}, key=lambda key: not key.endswith(".name")):
        if before.get(key) != now.get(key):
            return f"{key}={before.get(key)} and this command says {now.get(key)}"
    return None


def command_for(overrides: Sequence[str], best: Sequence[str]) -> str:
    """The command that trains the best settings over five seeds, ready for a shell.

    The part that was held out for the search alone is learnt from again, as the test protocol of the data has it.

    Args:
        overrides: of the search's command.
        best: the overrides that were found.
    """
    left_out = (*ABOUT_THE_SEARCH, *FOR_THE_SEARCH)
    kept = [one for one in overrides if one.startswith(SEARCHPATH) or not one.lstrip("+~").startswith(left_out)]
    return shlex.join(["python", "-m", "music_affect.train", "-m", *kept, *best, "seed=range(0,5)"])
