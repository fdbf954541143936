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
        words: of a command line, with its settings.
    """

    number: int
    state: str
    value: float | None
    epochs: int
    words: tuple[str, ...]

    @property
    def settings(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.words)


class Result:
    """The trials of a study, the best first, then those stopped and those failed.

    Args:
        study: as far as it is.
        mode: ``max`` or ``min``.
    """

    def __init__(self, study: Study, mode: str) -> None:
        sign = -1.0 if mode == "max" else 1.0
        order = list(STATES.values())
        found = [
            Trial(t.number, STATES[t.state.name], t.value, t.last_step or 0, overrides(t.params)) for t in study.trials
        ]
        self.trials = sorted(found, key=lambda t: (order.index(t.state), sign * (t.value or 0.0), t.number))
        self._study = study

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
        return ", ".join(f"{counted[state]} {state}" for state in dict.fromkeys(STATES.values()) if counted[state])

    def write(self, folder: Path, monitor: str, command: str) -> None:
        """``trials.csv`` and, where a trial is finished, ``best.yaml``.

        Args:
            folder: of the search.
            monitor: the deciding figure.
            command: that trains the best anew.
        """
        names = list(self.trials[0].settings) if self.trials else []
        rows = [
            [t.number, t.state, "" if t.value is None else f"{t.value:.6g}", t.epochs, *(t.settings[n] for n in names)]
            for t in sorted(self.trials, key=lambda t: t.number)
        ]
        files.write_csv(folder / "trials.csv", ["trial", "state", monitor, "epochs", *names], rows)
        if self.best is not None:
            lines = [f"  - {line}" for line in self.best.words]
            head = [
                f"# {command}",
                f"trial: {self.best.number}",
                f"monitor: {monitor}",
                f"value: {self.best.value:.6g}",
            ]
            files.write_text(folder / "best.yaml", "\n".join([*head, "overrides:", *lines]) + "\n")

    def table(self, monitor: str) -> Group:
        """The best trials, and the importance of each setting, for the console."""
        names = list(self.trials[0].settings) if self.trials else []
        table = Table(title=f"{monitor} on the validation part: {self.counts or 'no trials'}", title_justify="left")
        for heading in ("trial", "state", monitor, "epochs", *names):
            table.add_column(heading)
        for t in self.trials[:SHOWN]:
            value = "" if t.value is None else f"{t.value:.4f}"
            table.add_row(str(t.number), t.state, value, str(t.epochs), *(t.settings[name] for name in names))
        return Group(table, *([Text(_weighed(self.importance))] if self.importance else []))


def _weighed(importance: dict[str, float]) -> str:
    parts = [f"{name} {share:.0%}" for name, share in sorted(importance.items(), key=lambda item: -item[1])]
    return f"What mattered (share of the variation among finished trials): {', '.join(parts)}"
