"""Clips that cannot be used, and whether that may have passed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from music_affect.contracts.errors import CRASHED, MISSING, PASSING, UNREADABLE_NOW


@dataclass(frozen=True)
class Skip:
    """A clip that cannot be used.

    Args:
        id: of the clip.
        path: its file.
        reason: a word or two, for counting.
        detail: what was seen.
    """

    id: str
    path: str
    reason: str
    detail: str


def may_have_passed(reason: str, path: str) -> bool:
    """Whether what stood in the way of reading a file, and is no fault of its content, seems to be gone."""
    if reason == CRASHED:  # an installation that was broken ends every process; twice is the file's own fault
        return True
    return reason in (MISSING, UNREADABLE_NOW) and os.access(path, os.R_OK)


def describe_skips(skipped: Sequence[Skip], total: int, report: Path) -> str:
    """One line for the console: how many clips were left out, and why."""
    counts = Counter(skip.reason for skip in skipped)
    told = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    again = "; `music_affect.prepare` with retry=true reads them again" if PASSING & counts.keys() else ""
    return f"{len(skipped)} of {total} clips left out ({told}); listed in {report}{again}"
