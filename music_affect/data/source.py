"""What every data set promises: clips with labels, known without reading a spectrogram."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from music_affect.contracts.spec import Continuous, Tags, Target

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Clip:
    """One excerpt of music and what is known about it.

    Args:
        id: unique within the data set.
        path: the file that holds its audio or its array.
        labels: class name or number by target name; a missing name is a missing label.
        group: what must not straddle a split (the artist, the track), or None where every clip stands alone.
        split: ``train``, ``val`` or ``test`` where the data set prescribes it, else None.
        fold: number of its cross-validation fold where the data set prescribes it, else None.
        data: name of the data set it comes from where several are used together, else empty.
        row: of the file that holds it, where a file holds many clips; else None.
    """

    id: str
    path: Path
    labels: Mapping[str, str | float] = field(default_factory=dict)
    group: str | None = None
    split: str | None = None
    fold: int | None = None
    data: str = ""
    row: int | None = None


class ClipSource(ABC):
    """A data set on disk.

    Attributes:
        name: short name, used in run folders and reports.
        root: the folder that holds the data.
        synthetic: True where the music was made by a program; every figure is then labelled so.
        holds: ``audio`` (files to extract features from) or ``arrays`` (ready-made features).
    """

    name: str
    root: Path
    synthetic: bool = False
    holds: str = "audio"

    @property
    def identity(self) -> str:
        """What tells its clips from those of all other data sets, whatever machine they lie on."""
        return self.name

    @property
    @abstractmethod
    def targets(self) -> Mapping[str, Target]:
        """The labels that this data set carries. Reads label files at most."""

    @property
    def strata(self) -> Mapping[str, Sequence[str]]:
        """Labels that its parts are stratified by, classes before scales and no tags, by ``data`` of the clips."""
        single = [name for name, kind in self.targets.items() if not isinstance(kind, Tags)]
        return {"": sorted(single, key=lambda name: isinstance(self.targets[name], Continuous))}

    @abstractmethod
    def clips(self) -> list[Clip]:
        """All clips, labelled or not, in a stable order.

        Raises:
            DataNotFoundError: nothing is there.
            LabelError: a label file cannot be read.
        """

    def remarks(self) -> list[str]:
        """What a person should know about the labels and files, a sentence each."""
        return []

    def why_missing(self, target: str) -> str | None:
        """What stands in the way of a label that people would expect here, or None."""
        return None

    def remedy(self, target: str, kind: str) -> str | None:
        """What makes a column a label of a kind (``categorical``, ``continuous``, ``tags``), or None."""
        return None

    def whose(self) -> str | None:
        """Where nothing says whose clips these are: that, and what may tell it, in sentences; else None."""
        return None
