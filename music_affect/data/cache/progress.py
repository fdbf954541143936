"""How far a build is: a bar on a terminal, a line early on and then one a minute in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections import Counter

LINE_SECONDS, FIRST_LINE_SECONDS = 60.0, 15.0
RECENT = 200  # clips that the rate is taken from
MEANINGFUL = 10  # clips and seconds between them from which on a rate says something


log = logging.getLogger(__name__)


class Progress:
    """Clips a second, the time left, and the failures so far: a bar on a terminal, else lines of the log.

    Args:
        total: clips, those that were finished before included.
        missing: clips that are to be read.
        skipped: clips that cannot be used, by reason; kept up to date by whoever reads them.
        what: is made of the clips, in a word.
    """

    def __init__(self, total: int, missing: int, skipped: Counter[str], what: str = "Features") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        self._skipped, self._missing = skipped, missing
        self._began = time.monotonic()
        self._due = self._began + FIRST_LINE_SECONDS
        self._done = 0
        self._ends: deque[float] = deque(maxlen=RECENT)
        console = Console(file=sys.stderr)
        columns = [TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}")]
        self._bar = Bar(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=total, completed=total - missing)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self) -> None:
        """One more clip is done."""
        self._done += 1
        now = time.monotonic()
        self._ends.append(now)
        rate = self._rate()
        told = self._told(rate)
        self._bar.update(self._task, advance=1, description=told)
        if self._bar.disable and now >= self._due and (rate or now >= self._began + LINE_SECONDS):
            self._due = now + LINE_SECONDS
            log.info(f"{self._done} of {self._missing} clips{told and f', {told}'}")

    def _rate(self) -> float | None:
        """Recent clips a second, once there are enough of them to say so.

        It begins with the end of the first one: what is loaded before that is loaded once, and would make hours of the
        rest.
        """
        seconds = self._ends[-1] - self._ends[0]
        return (len(self._ends) - 1) / seconds if len(self._ends) > MEANINGFUL and seconds >= MEANINGFUL else None

    def _told(self, rate: float | None) -> str:
        """The rate, the failures, and what the rate makes of the rest."""
        failures = self._skipped.total()
        told = [f"{rate:.1f} clips/s"] if rate else []
        told += [f"{failures} left out"] if failures else []
        if rate:
            told.append(f"about {max(1, round((self._missing - self._done) / rate / 60))} min left")
        return ", ".join(told)
