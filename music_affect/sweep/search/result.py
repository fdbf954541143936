"""What a search has found: the table of its trials, the best of them, and which settings mattered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from music_affect.sweep.search.space import overrides
from music_affect.sweep.search.study import Study
from music_affect.system import files

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

STATES = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "running"}
ORDER = list(dict.fromkeys(STATES.values()))
SHOWN = 10  # trials on the console; trials.csv holds all
ENOUGH = 4  # finished trials from which on importance says anything


def state(trial: FrozenTrial) -> str:
    """``done``, ``pruned``, ``failed`` or ``running``."""
    return STATES[trial.state.name]


class Result:
    """The trials of a study, the best first, then those stopped and those failed.

    Args:
        study: as far as it is.
        mode: ``max`` or ``min``.
        monitor: the deciding figure. The value of a stopped trial is its last one.
    """

    def __init__(self, study: Study, mode: str, monitor: str) -> None:
        sign = -1.0 if mode == "max" else 1.0
        self.trials = sorted(
            study.trials, key=lambda trial: (ORDER.index(state(trial)), sign * (trial.value or 0.0), trial.number)
        )
        self._study, self._monitor = study, monitor
        self._columns = ["trial", "state", monitor, "epochs", *(sorted(self.trials[0].params) if self.trials else [])]

    @property
    def importance(self) -> dict[str, float]:
        """Share of every setting in the variation; empty where the finished trials are too few or all alike."""
        values = [trial.value for trial in self.trials if state(trial) == "done"]
        if len(values) < ENOUGH or len(set(values)) == 1:
            return {}
        from optuna.importance import get_param_importances

        return get_param_importances(self._study.optuna)

    @property
    def best(self) -> FrozenTrial | None:
        """The best of the finished trials; None where none is finished."""
        return self.trials[0] if self.trials and state(self.trials[0]) == "done" else None

    @property
    def counts(self) -> str:
        """``"12 done, 7 pruned, 1 failed"``."""
        counted = Counter(state(trial) for trial in self.trials)
        return ", ".join(f"{counted[name]} {name}" for name in ORDER if counted[name])

    def line(self, number: int, trials: int) -> str:
        """What became of a trial of so many: ``3 of 20: trial 2 done  MONITOR 0.4100  (best 0.5200)  lr=0.01``."""
        trial = next(trial for trial in self.trials if trial.number == number)
        ended = sum(one.state.is_finished() for one in self.trials)
        value = "" if trial.value is None else f"  {self._monitor} {trial.value:.4f}"
        best = "" if self.best is None else f"  (best {self.best.value:.4f})"
        return f"{ended} of {trials}: trial {number} {state(trial)}{value}{best}  {' '.join(overrides(trial.params))}"

    def write(self, folder: Path, command: str) -> None:
        """Writes ``trials.csv`` and, where a trial is finished, ``best.yaml``.

        Args:
            folder: of the search.
            command: that trains the best anew.
        """
        rows = [_row(trial, ".6g") for trial in sorted(self.trials, key=lambda trial: trial.number)]
        files.write_csv(folder / "trials.csv", self._columns, rows)
        if self.best is not None:
            lines = [f"# {command}", f"trial: {self.best.number}", f"monitor: {self._monitor}"]
            lines += [f"value: {self.best.value:.6g}", "overrides:"]
            lines += [f"  - {one}" for one in overrides(self.best.params)]
            files.write_text(folder / "best.yaml", "\n".join(lines) + "\n")

    def table(self) -> Group:
        """The best trials, and the importance of each setting, for the console."""
        title = f"{self._monitor} on the validation part: {self.counts or 'no trials'}"
        table = Table(*self._columns, title=title, title_justify="left")
        for trial in self.trials[:SHOWN]:
            table.add_row(*_row(trial, ".4f"))
        parts = [f"{name} {share:.0%}" for name, share in sorted(self.importance.items(), key=lambda item: -item[1])]
        finished = sum(state(trial) == "done" for trial in self.trials)
        weighed = (
            f"Share of the variation among {finished} finished trials, rough where these are few: {', '.join(parts)}"
        )
        return Group(table, *([Text(weighed)] if parts else []))


def _row(trial: FrozenTrial, digits: str) -> list[str]:
    value = "" if trial.value is None else format(trial.value, digits)
    settings = [one.split("=", 1)[1] for one in overrides(trial.params)]
    return [str(trial.number), state(trial), value, str(trial.last_step or 0), *settings]
