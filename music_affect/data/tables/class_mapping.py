"""Raw class names of a data set merged into the classes that are learnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from music_affect.contracts.errors import ConfigurationError


class ClassMapping:
    """Which class a raw name belongs to.

    Args:
        raw_names: raw names by the class they belong to; None keeps every name as it is.
        dropped: raw names whose clips are left out.

    Raises:
        ConfigurationError: a raw name stands in two places.

    Attributes:
        classes: in the order of the alphabet; empty where names are kept as they are.
        dropped: raw names whose clips are left out.
    """

    def __init__(self, raw_names: Mapping[str, Sequence[str]] | None, dropped: Sequence[str] = ()) -> None:
        self._class_of = {raw: merged for merged, names in (raw_names or {}).items() for raw in names}
        self._keeps_names = raw_names is None
        self.classes = tuple(sorted(raw_names or {}))
        self.dropped = frozenset(dropped)
        named = [raw for names in [*(raw_names or {}).values(), dropped] for raw in names]
        twice = [raw for raw, count in Counter(named).items() if count > 1]
        if twice:
            raise ConfigurationError(
                f"data.source.class_mapping and dropped name '{twice[0]}' more than once",
                expected="every raw name in one place",
                fix="leave it out of all but one",
            )

    @property
    def raw_names(self) -> list[str]:
        """All raw names that are spelt out, dropped ones included."""
        return sorted({*self._class_of, *self.dropped})

    def knows(self, raw: str) -> bool:
        """Whether it says what becomes of a raw name."""
        return self._keeps_names or raw in self._class_of or raw in self.dropped

    def class_of(self, raw: str) -> str:
        """The class of a raw name; a name that stands in no class is one of its own."""
        return self._class_of.get(raw, raw)
