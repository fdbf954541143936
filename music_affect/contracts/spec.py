"""The words that data, models and tasks share: what a target is and what a data set publishes.

Nothing here imports torch: a description of the data must be readable within milliseconds, so that a wrong
combination of task and data is refused before any work starts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

BAR = "|"  # between the tags of a label


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

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What a prediction holds a probability of, in order."""
        return self.classes

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
    outcomes: ClassVar[tuple[str, ...]] = ()  # a value has no probabilities

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "continuous", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Tags:
    """A target of which a clip may have several at once, or none.

    The label of a clip is one text: its tags with a bar between them, and a bar alone where it has none of them. A
    missing label is another thing: nobody has said which tags the clip has.

    Args:
        names: tags; the position of a name is the column that models predict. No name holds a bar.
    """

    names: tuple[str, ...]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What a prediction holds a probability of, in order."""
        return self.names

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "tags", "names": list(self.names)}

    def label(self, tags: Collection[str]) -> str:
        """The label of a clip with these tags; those that have no column are left out."""
        return BAR.join(name for name in self.names if name in tags) or BAR

    def row(self, label: str | float) -> list[float]:
        """1 for every tag that a label names, else 0; NaN for all where the label is missing (an empty text)."""
        tags = set(str(label).split(BAR))
        return [float(name in tags) if label else math.nan for name in self.names]


Target = Categorical | Continuous | Tags
TARGET = (  # what ``to_dict`` of each makes, as ``shapes`` describes it
    {"kind": "categorical", "classes": [str]},
    {"kind": "continuous", "low": (float, None), "high": (float, None)},
    {"kind": "tags", "names": [str]},
)


def target_from_dict(plain: Mapping[str, Any]) -> Target:
    """Inverse of the ``to_dict`` of every kind of target."""
    if plain["kind"] == "categorical":
        return Categorical(tuple(plain["classes"]))
    if plain["kind"] == "tags":
        return Tags(tuple(plain["names"]))
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
