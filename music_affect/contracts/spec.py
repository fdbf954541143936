"""The words that data, models and tasks share: what a target is and what a data set publishes.

Nothing here imports torch: a description of the data must be readable within milliseconds, so that a wrong
combination of task and data is refused before any work starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Categorical:
    """A target with one of several class names.

    Args:
        classes: class names; the position of a name is the index that models predict.
    """

    classes: tuple[str, ...]

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "categorical", "classes": list(self.classes)}


@dataclass(frozen=True)
class Continuous:
    """A target on a scale.

    Args:
        low: smallest possible value, or None where the scale has no lower end.
        high: largest possible value, or None where the scale has no upper end.
    """

    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "continuous", "low": self.low, "high": self.high}


Target = Categorical | Continuous
TARGET = (  # what ``to_dict`` of both makes, as ``shapes`` describes it
    {"kind": "categorical", "classes": [str]},
    {"kind": "continuous", "low": (float, None), "high": (float, None)},
)


def target_from_dict(plain: Mapping[str, Any]) -> Target:
    """Inverse of ``Categorical.to_dict`` and ``Continuous.to_dict``."""
    if plain["kind"] == "categorical":
        return Categorical(tuple(plain["classes"]))
    return Continuous(plain["low"], plain["high"])


@dataclass(frozen=True)
class DataSpec:
    """All that crosses from the data to the model.

    Args:
        num_features: F, the columns of a spectrogram [T, F] as the model sees it.
        max_frames: the longest T that the model sees (crop length, or the longest clip).
        targets: the labels that clips carry, by name.
        blocks: column ranges [start, stop) by what they hold, e.g. ``{"mel": (0, 128), "chroma": (128, 140)}``.
    """

    num_features: int
    max_frames: int
    targets: Mapping[str, Target]
    blocks: Mapping[str, tuple[int, int]]

    def to_dict(self) -> dict[str, Any]:
        """Plain containers only, so that a checkpoint loads with ``weights_only=True``."""
        return {
            "num_features": self.num_features,
            "max_frames": self.max_frames,
            "targets": {name: target.to_dict() for name, target in self.targets.items()},
            "blocks": {name: list(columns) for name, columns in self.blocks.items()},
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> DataSpec:
        """Inverse of ``to_dict``."""
        return cls(
            num_features=plain["num_features"],
            max_frames=plain["max_frames"],
            targets={name: target_from_dict(target) for name, target in plain["targets"].items()},
            blocks={name: (columns[0], columns[1]) for name, columns in plain["blocks"].items()},
        )
