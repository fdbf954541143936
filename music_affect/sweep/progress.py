"""How far a sweep is, and what became of its runs: a line a finished run, and a table at the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from statistics import fmean
from threading import Event, Thread
from types import TracebackType
from typing import Self

from rich.table import Table
from rich.text import Text

from music_affect.configuration.plan import Run
from music_affect.runs.state import State
from music_affect.system.console import duration
from music_affect.system.plain_text import on_one_line

POLL = 0.5  # seconds between two looks at the run folders
OPEN = ("new", "cut off", "running")
STYLES = {"failed": "bold red", "done": "green", "pruned": "yellow"}

log = logging.getLogger(__name__)


def varied(planned: Sequence[Run]) -> list[str]:
    """What distinguishes each run: the overrides that not all runs have."""
    common = set.intersection(*(set(run.own) for run in planned)) if len(planned) > 1 else set()
    return [" ".join(word for word in run.own if word not in common) or run.folder.name for run in planned]


def table(planned: Sequence[Run], before: Sequence[State], after: Sequence[State]) -> Table:
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


def forecast(planned: Sequence[Run], states: Sequence[State]) -> str:
    """How long the rest takes, one run after the other, by the finished ones."""
    means = _mean_seconds(planned, states)
    left = [run for run, state in zip(planned, states, strict=True) if state.name in OPEN]
    done = f"{len(planned) - len(left)} of {len(planned)} runs are finished"
    if not left:
        return f"{done}."
    if not means:
        return f"{done}; how long the others take is known once one is."
    seconds = sum(means.get(str(run.cfg.model.name), means[""]) for run in left)
    return f"{done}; the other {len(left)} take about {duration(seconds)}, one after the other."


def _mean_seconds(planned: Sequence[Run], states: Sequence[State]) -> dict[str, float]:
    """Seconds that finished runs of each model took; of all under the empty name."""
    found: dict[str, list[float]] = {}
    for run, state in zip(planned, states, strict=True):
        if state.seconds is not None:
            for name in (str(run.cfg.model.name), ""):
                found.setdefault(name, []).append(state.seconds)
    return {name: fmean(seconds) for name, seconds in found.items()}


class Monitor:
    """Reports every run that ends, however it was launched, by looking at the run folders."""

    def __init__(self, planned: Sequence[Run]) -> None:
        self._planned = planned
        self._names = varied(planned)
        self._open = [place for place, run in enumerate(planned) if run.state.name not in ("done", "pruned")]
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
            self._report(place, state)

    def _report(self, place: int, state: State) -> None:
        ended = self._total - len(self._open)
        left = (time.monotonic() - self._began) / ended * len(self._open)
        result = f"{state.score:.3f}" if state.score is not None else (state.reason.splitlines() or [state.name])[0]
        rest = f", about {duration(left)} left" if self._open else ""
        log.info(on_one_line(f"{ended} of {self._total}: {self._names[place]}: {state.name}, {result}{rest}"))
