"""The synthetic corpus as a data set: made on first use, then read like any folder of audio."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from music_affect.contracts.spec import Categorical, Continuous, Target
from music_affect.data.folder import FolderSource
from music_affect.data.source import Clip
from music_affect.data.synthesis.affect import TARGETS
from music_affect.data.synthesis.corpus import make_corpus
from music_affect.data.synthesis.styles import GENRES


class SyntheticSource(FolderSource):
    """Short pieces composed and rendered by a program, so that everything runs without a download.

    What: ten genres with artists, valence, energy and danceability, official parts and folds. Not music that anyone
    played: figures measured on it compare programs and settings, and say nothing about real songs.
    How many: ``num_clips``, each ``seconds`` long, 22 050 Hz mono.
    Licence: that of this project.

    Args:
        root: folder under which corpora are kept, one a setting; ``synthetic`` here where None.
        num_clips: clips in all.
        seconds: length of a clip.
        seed: of the composition.
        name: short name for run folders and reports.
    """

    synthetic = True

    def __init__(
        self,
        root: str | Path | None,
        num_clips: int = 600,
        seconds: float = 10.0,
        seed: int = 0,
        name: str = "synthetic",
    ) -> None:
        folder = (
            Path(root or "synthetic").expanduser().resolve() / f"clips{num_clips:d}-seconds{seconds:g}-seed{seed:d}"
        )
        super().__init__(folder, name=name, class_targets=["genre"], continuous_targets=TARGETS, group="artist")
        self._num_clips, self._seconds, self._seed = num_clips, seconds, seed

    @property
    def identity(self) -> str:
        return f"{self.name}-{self.root.name}"

    @property
    def targets(self) -> Mapping[str, Target]:  # type: ignore[override]
        return {"genre": Categorical(tuple(sorted(GENRES))), **{name: Continuous(0.0, 1.0) for name in TARGETS}}

    def clips(self) -> list[Clip]:
        make_corpus(self.root, num_clips=self._num_clips, seconds=self._seconds, seed=self._seed)
        return super().clips()

    def remarks(self) -> list[str]:
        return []  # the program wrote the table, too
