"""How far a build is: a bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections import Counter

LINE_SECONDS = 60.0


class Account(Protocol):
    """What was done so far."""

    made: int
    skipped: Counter[str]


class Progress:
    """Clips a second, the time left, and the failures so far.

    Args:
        total: clips, those that were finished before included.
        missing: clips that are to be read.
        account: kept up to date by the build.
        say: receives the lines where there is no terminal.
    """

    def __init__(self, total: int, missing: int, account: Account, say: Callable[[str], None]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._account, self._say, self._missing = account, say, missing
        self._began = self._said = time.monotonic()
        self._done = 0
        console = Console(file=sys.stderr)
        columns = [TextColumn("Features"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}")]
        self._bar = Bar(*columns, TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[failed]}"),
                        console=console, disable=not console.is_terminal)  # fmt: skip
        self._task = self._bar.add_task("", total=total, completed=total - missing, rate="", failed="")

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
        rate = self._done / max(now - self._began, 1e-9)
        failures = self._account.skipped.total()
        self._bar.update(
            self._task, advance=1, rate=f"{rate:.1f} clips/s", failed=f"{failures} left out" if failures else ""
        )
        if self._bar.disable and now - self._said >= LINE_SECONDS:
            self._said = now
            left = (self._missing - self._done) / rate
            self._say(
                f"{self._done} of {self._missing} clips, {rate:.1f} clips/s, {failures} left out, "
                f"about {left / 60:.0f} min left"
            )
