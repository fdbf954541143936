"""Values of settings as people read them: as short as still tells them apart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence

from music_affect.evaluation.sweep_report.axes import START, exact
from music_affect.evaluation.tables import UNKNOWN
from music_affect.runs.reader import RunFolder


class Spelling:
    """How the settings of some runs are told. Two runs are told alike exactly where they agree.

    Args:
        runs: every run that the text is about.
    """

    def __init__(self, runs: Sequence[RunFolder]) -> None:
        self._runs = runs
        self._told: dict[str, dict[str | None, str]] = {}

    def __call__(self, run: RunFolder, key: str) -> str:
        """What one of the runs has for a setting."""
        if key not in self._told:
            self._told[key] = _tell_apart(key, {exact(one, key) for one in self._runs})
        return self._told[key][exact(run, key)]


def _tell_apart(key: str, values: Collection[str | None]) -> dict[str | None, str]:
    """The text of each value: those that would read alike are told at greater length, until they do not."""
    spellings = {value: _spellings(key, value) for value in values}
    used = dict.fromkeys(values, 0)
    while True:
        told = {value: spellings[value][place] for value, place in used.items()}
        alike = Counter(told.values())
        longer = [value for value in values if alike[told[value]] > 1 and used[value] + 1 < len(spellings[value])]
        if not longer:
            return told
        for value in longer:
            used[value] += 1


def _spellings(key: str, value: str | None) -> list[str]:
    """Texts for a value, the shortest first; the last is the value itself."""
    if value is None:
        return [UNKNOWN]
    plain = json.loads(value)
    if plain is None:
        return ["scratch" if key == START else "none", value]
    if isinstance(plain, float):
        return [f"{plain:g}", value]
    if not isinstance(plain, str):
        return [value]
    mark = "." if key.endswith("_target_") else "/"
    parts = [part for part in plain.split(mark) if part]
    return [*(mark.join(parts[-length:]) for length in range(1, len(parts) + 1)), value]
