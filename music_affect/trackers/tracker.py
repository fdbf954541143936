"""What every tracker promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from music_affect.evaluation.run_folder import RunFolder

Say = Callable[[str], None]


@dataclass(frozen=True)
class Start:
    """A run that begins, as far as a tracker needs to know it.

    Args:
        folder: the run folder; a run that is resumed has the same one.
        config: the resolved configuration.
        synthetic: the music was made by a program.
        sweep: name of the sweep that the run is a cell of, or None.
        say: prints a line for people.
    """

    folder: Path
    config: Mapping[str, Any]
    synthetic: bool
    sweep: str | None
    say: Say

    @property
    def tags(self) -> dict[str, str]:
        """Where the run stands on each axis, and ``synthetic`` where no real music was heard."""
        axes = {axis: str(self.config[axis]["name"]) for axis in ("model", "data", "features", "task")}
        return axes | ({"music": "synthetic"} if self.synthetic else {})


class ClipPicture(NamedTuple):
    """The features of a test clip as a picture."""

    path: Path
    caption: str


class Tracker(ABC):
    """Follows one run from its start to its end."""

    @abstractmethod
    def epoch(self, row: Mapping[str, float | int]) -> None:
        """Takes the figures of an epoch.

        Args:
            row: of ``metrics.csv``, with the number of the ``epoch``. A run that is resumed tells its earlier epochs
                again: each of them counts once.
        """

    @abstractmethod
    def report(self, run: RunFolder, clips: Sequence[ClipPicture]) -> None:
        """Takes what the finished run folder holds: figures, answers, pictures, alarms.

        Args:
            run: read back from its folder.
            clips: some test clips.
        """

    @abstractmethod
    def close(self, failed: bool) -> None:
        """Ends the tracking with the status of the run."""
