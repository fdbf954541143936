"""What is wrong with a data set, and how badly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from music_affect.system.plain_text import on_one_line

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One thing that a person should know before training.

    Args:
        name: two or three words.
        severity: ``error`` (would spoil a result), ``warning`` or ``note``.
        count: of what the name says: clips, groups or classes.
        examples: up to three of them.
        advice: a sentence that says what to do.
    """

    name: str
    severity: str
    count: int
    examples: tuple[str, ...]
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "examples": list(self.examples)}


def found(name: str, severity: str, cases: Sequence[object], advice: str) -> list[Finding]:
    """The finding of these cases, in a list; an empty list where there are none."""
    if not cases:
        return []
    return [Finding(name, severity, len(cases), tuple(on_one_line(case) for case in cases[:EXAMPLES]), advice)]


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """The worst first; otherwise in their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
