"""What the findings are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from music_affect.contracts.spec import Target
from music_affect.data.audit.duplicates import Copies
from music_affect.data.audit.facts import Facts
from music_affect.data.source import Clip


@dataclass(frozen=True)
class Evidence:
    """A data set, measured.

    Args:
        clips: all of them.
        facts: of their files, in the same order.
        targets: the labels that are looked at, by name.
        copies: which clips hold the same audio.
    """

    clips: Sequence[Clip]
    facts: Sequence[Facts]
    targets: Mapping[str, Target]
    copies: Copies

    @cached_property
    def usable(self) -> list[Clip]:
        """Clips whose files can be used; training sees no others."""
        return [clip for clip, known in zip(self.clips, self.facts, strict=True) if not known.problem]
