"""Which part of a file is used."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from music_affect.contracts.errors import ConfigurationError, did_you_mean

POSITIONS = ("whole", "start", "middle", "spread")

_NEARLY = 1.1  # a file at most so many times the window is used whole: excerpts of 30 s often last 30.02 s


@dataclass(frozen=True)
class Selection:
    """The windows of a file that are used; the others are not even decoded where the format allows it.

    Args:
        position: ``whole``; ``start``, the first seconds; ``middle``, those around the middle; ``spread``, several
            windows evenly over the file.
        seconds: length of a window; needed unless ``whole``. A file at most a tenth longer is used whole.
        windows: of ``spread``: how many. A short file gets as many as do not overlap, at least one.
        min_seconds: shorter files are refused (``too short``).

    Raises:
        ConfigurationError: settings without a meaning.
    """

    position: str = "whole"
    seconds: float | None = None
    windows: int = 1
    min_seconds: float = 0.0

    def __post_init__(self) -> None:
        known = ", ".join(POSITIONS)
        hint = did_you_mean(str(self.position), POSITIONS)
        _require(self.position in POSITIONS, f"position={self.position}{hint}", f"one of {known}")
        whole = self.position == "whole"
        _require(whole or self.seconds is not None, f"position={self.position} without seconds", "the window's length")
        _require(not whole or self.seconds is None, f"position=whole with seconds={self.seconds}", "seconds=null")
        measured = self.seconds is None or (_is_number(self.seconds) and 0 < self.seconds < math.inf)
        _require(measured, f"seconds={self.seconds}", "a positive number")
        _require(type(self.windows) is int and self.windows >= 1, f"windows={self.windows}", "a whole number from 1 up")
        several = self.windows > 1 and self.position != "spread"
        _require(not several, f"windows={self.windows} with position={self.position}", "position=spread")
        limited = _is_number(self.min_seconds) and 0 <= self.min_seconds < math.inf
        _require(limited, f"min_seconds={self.min_seconds}", "0 or more seconds")

    def settings(self) -> dict[str, Any]:
        """All that changes the numbers, in plain values; empty where a file is used as it is."""
        if self.position == "whole" and self.min_seconds == 0:
            return {}
        return asdict(self)

    def spans(self, length: int, rate: int) -> list[tuple[int, int]]:
        """Where the windows lie.

        Args:
            length: of the file, in samples.
            rate: samples a second.

        Returns:
            First sample and the one after the last, a window each, in order and without overlap.
        """
        wanted = length if self.seconds is None else max(1, round(self.seconds * rate))
        if length <= wanted * _NEARLY:
            return [(0, length)]
        if self.position == "start":
            return [(0, wanted)]
        count = min(self.windows, length // wanted)
        # Each window in the middle of its share of the file: a single one lies in the middle of the file.
        starts = [(2 * number + 1) * length // (2 * count) - wanted // 2 for number in range(count)]
        return [(start, start + wanted) for start in starts]


def _is_number(value: object) -> bool:
    """Whether a setting is a number; ``true`` is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require(holds: bool, found: str, expected: str) -> None:
    if not holds:
        raise ConfigurationError(
            f"{found} for the part of a file to use", expected=expected, fix="correct it in the settings of the data"
        )
