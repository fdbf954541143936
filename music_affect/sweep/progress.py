"""How far a sweep is, and what became of its runs: a line a finished run, and a table at the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Event, Thread
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.table import Table
from rich.text import Text

from music_affect.console import duration
from music_affect.plain_text import on_one_line
from music_affect.sweep.cells import State
from music_affect.sweep.plan import Cell, mean_seconds

POLL = 0.5  # seconds between two looks at the run folders
OPEN = ("new", "cut off", "running")
STYLES = {"failed": "bold red", "done": "green", "pruned": "yellow"}


def varied(planned: Sequence[Cell]) -> list[str]:
    """What tells each run from the others: its words that not all of them have."""
    common = set.intersection(*(set(cell.words) for cell in planned)) if len(planned) > 1 else set()
    return [" ".join(word for word in cell.words if word not in common) or cell.folder.name for cell in planned]


def table(planned: Sequence[Cell], before: Sequence[State], after: Sequence[State]) -> Table:
    """A row a run: what it is, what became of it, its score or the first line of the reason."""
    shown = Table(title=f"{len(planned)} runs", title_justify="left")
    for heading in ("run", "state", "score", "seconds", "reason"):
        shown.add_column(heading, justify="right" if heading in ("score", "seconds") else "left")
    for name, was, now in zip(varied(planned), before, after, strict=True):
        skipped = now.name == "done" and was.name == "done"
        state = Text.assemble((now.name, STYLES.get(now.name, "none")), ", before" if skipped else "")
        score = "" if now.score is None else f"{now.score:.3f}"
        seconds = "" if now.seconds is None else f"{now.seconds:.0f}"
        reason = (now.reason.splitlines() or [""])[0]
        shown.add_row(on_one_line(name), state, score, seconds, on_one_line(reason))
    return shown


def forecast(planned: Sequence[Cell], states: Sequence[State]) -> str:
    """How long the rest takes, one run after the other, by the finished ones."""
    means = mean_seconds(planned, states)
    left = [cell for cell, state in zip(planned, states, strict=True) if state.name in OPEN]
    done = f"{len(planned) - len(left)} of {len(planned)} runs are finished"
    if not left:
        return f"{done}."
    if not means:
        return f"{done}; how long the others take is known once one is."
    seconds = sum(means.get(str(cell.cfg.model.name), means[""]) for cell in left)
    return f"{done}; the other {len(left)} take about {duration(seconds)}, one after the other."


class Monitor:
    """Tells of every run that ends, however it was launched, by looking at the run folders."""

    def __init__(self, planned: Sequence[Cell], out: Console) -> None:
        self._planned, self._out = planned, out
        self._names = varied(planned)
        self._open = [place for place, cell in enumerate(planned) if cell.state.name not in ("done", "pruned")]
        self._total, self._began = len(self._open), time.monotonic()
        self._stopped = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._waiting = {place: self._planned[place].state for place in self._open}
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._stopped.wait(POLL):
            self._look()

    def _look(self) -> None:
        for place in list(self._open):
            state = self._planned[place].state
            if state.name in OPEN or state == self._waiting[place]:  # a failure of an earlier call is no news
                continue
            self._open.remove(place)
            self._tell(place, state)

    def _tell(self, place: int, state: State) -> None:
        ended = self._total - len(self._open)
        left = (time.monotonic() - self._began) / ended * len(self._open)
        result = f"{state.score:.3f}" if state.score is not None else (state.reason.splitlines() or [state.name])[0]
        rest = f", about {duration(left)} left" if self._open else ""
        self._out.print(
            f"{ended} of {self._total}: {self._names[place]}: {state.name}, {result}{rest}",
        )
