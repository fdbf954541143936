"""What a search has found: the table of its trials, the best of them, and which settings mattered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from music_affect import files
from music_affect.search.space import overrides
from music_affect.search.study import Study

STATES = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "running"}
ORDER = list(dict.fromkeys(STATES.values()))
SHOWN = 10  # trials on the console; trials.csv holds all
ENOUGH = 4  # finished trials from which on importance says anything


@dataclass(frozen=True)
class Trial:
    """One trial.

    Args:
        number: in the order of proposal.
        state: ``done``, ``pruned``, ``failed`` or ``running``.
        value: of the deciding figure on the validation part; of a stopped trial its last, None where there is none.
        epochs: that were reported.
        overrides: of a command line, with its settings.
    """

    number: int
    state: str
    value: float | None
    epochs: int
    overrides: tuple[str, ...]

    def row(self, digits: str) -> list[str]:
        """The cells of a table, the value to so many digits."""
        value = "" if self.value is None else format(self.value, digits)
        return [
            str(self.number),
            self.state,
            value,
            str(self.epochs),
            *(one.split("=", 1)[1] for one in self.overrides),
        ]


class Result:
    """The trials of a study, the best first, then those stopped and those failed.

    Args:
        study: as far as it is.
        mode: ``max`` or ``min``.
        monitor: the deciding figure.
    """

    def __init__(self, study: Study, mode: str, monitor: str) -> None:
        sign = -1.0 if mode == "max" else 1.0
        found = [
            Trial(t.number, STATES[t.state.name], t.value, t.last_step or 0, overrides(t.params)) for t in study.trials
        ]
        self.trials = sorted(found, key=lambda t: (ORDER.index(t.state), sign * (t.value or 0.0), t.number))
        names = [one.split("=", 1)[0] for one in self.trials[0].overrides] if self.trials else []
        self._study, self._monitor, self._columns = study, monitor, ["trial", "state", monitor, "epochs", *names]

    @cached_property
    def importance(self) -> dict[str, float]:
        """Share of every setting in the variation; empty where the finished trials are too few or all alike."""
        values = [trial.value for trial in self.trials if trial.state == "done"]
        if len(values) < ENOUGH or len(set(values)) == 1:
            return {}
        from optuna.importance import get_param_importances

        return get_param_importances(self._study.optuna)

    @property
    def best(self) -> Trial | None:
        """The best of the finished trials; None where none is finished."""
        return self.trials[0] if self.trials and self.trials[0].state == "done" else None

    @property
    def counts(self) -> str:
        """``"12 done, 7 pruned, 1 failed"``."""
        counted = Counter(trial.state for trial in self.trials)
        return ", ".join(f"{counted[state]} {state}" for state in ORDER if counted[state])

    def write(self, folder: Path, command: str) -> None:
        """Writes ``trials.csv`` and, where a trial is finished, ``best.yaml``.

        Args:
            folder: of the search.
            command: that trains the best anew.
        """
        rows = [trial.row(".6g") for trial in sorted(self.trials, key=lambda trial: trial.number)]
        files.write_csv(folder / "trials.csv", self._columns, rows)
        if self.best is not None:
            lines = [f"# {command}", f"trial: {self.best.number}", f"monitor: {self._monitor}"]
            lines += [f"value: {self.best.value:.6g}", "overrides:", *(f"  - {one}" for one in self.best.overrides)]
            files.write_text(folder / "best.yaml", "\n".join(lines) + "\n")

    def table(self) -> Group:
        """The best trials, and the importance of each setting, for the console."""
        title = f"{self._monitor} on the validation part: {self.counts or 'no trials'}"
        table = Table(*self._columns, title=title, title_justify="left")
        for trial in self.trials[:SHOWN]:
            table.add_row(*trial.row(".4f"))
        parts = [f"{name} {share:.0%}" for name, share in sorted(self.importance.items(), key=lambda item: -item[1])]
        weighed = f"What mattered (share of the variation among finished trials): {', '.join(parts)}"
        return Group(table, *([Text(weighed)] if parts else []))
