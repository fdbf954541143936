"""One-second excerpts of four genres as ready-made features."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from music_affect.contracts.errors import ClipError, DataNotFoundError, LabelError
from music_affect.contracts.spec import Categorical, Target
from music_affect.data.excerpt_reader import described, form_of, open_excerpts
from music_affect.data.source import SPLITS, Clip, ClipSource


class ExcerptSource(ClipSource):
    """The lab's excerpts: folders ``mfccs`` and ``melgrams``, each ``{train,val,test}/{X.npy,labels.npy}``.

    What: seconds of music with one of four genres (blues, classical, pop, rock), from 8 kHz mono, described by windows
    of 50 ms: mean and standard deviation of 13 MFCC [26], or mel levels in dB [21, 128].
    How many: 3200 to train, 800 to validate and 1376 to test, divided officially.
    Licence: none is stated with the set.
    Reference: none was published with the set.

    From which songs the excerpts come is not told. Each part is therefore one group: the parts are never mixed, since
    seconds of one song on both sides would be recognised by their sound.

    Args:
        root: the folder that holds both folders, or the folder of the features itself.
        features: ``mfcc`` or ``melgram``, which chooses the folder.
        name: short name for run folders and reports.
    """

    holds = "arrays"

    def __init__(self, root: str | Path | None, features: str | None = None, name: str = "excerpts") -> None:
        self.name, self._features = name, features
        self._given = None if root is None else Path(root).expanduser().resolve()

    @cached_property
    def root(self) -> Path:  # type: ignore[override]  # looked for when it is first needed
        """The folder of the features.

        Raises:
            ConfigurationError: there are no such features of excerpts.
            DataNotFoundError: the folder is not there.
        """
        folder = form_of(self._features).folder
        looked: list[Path] = []
        if self._given is not None:
            looked = [self._given / folder, self._given / "data" / folder]
            if self._given.name == folder:
                looked.append(self._given)
        for candidate in looked:
            if (candidate / "train").is_dir():
                return candidate
        where = " and ".join(str(path) for path in looked) or "nowhere, since data.root is not set"
        raise DataNotFoundError(
            f"the excerpts' folder '{folder}' is not there (looked in {where})",
            expected=f"a folder '{folder}' with train/, val/ and test/, each with X.npy and labels.npy",
            fix=f"set data.root to the folder that holds it, or take any audio: data=folder features={self._features}",
        )

    @property
    def targets(self) -> Mapping[str, Target]:
        found = {label for labels in self._labels.values() for label in labels if label}
        return {"genre": Categorical(tuple(sorted(found)))}

    def clips(self) -> list[Clip]:
        return [clip for split in SPLITS for clip in self._part(split)]

    def _part(self, split: str) -> list[Clip]:
        labels, path = self._labels[split], self._file(split, "X.npy")
        count = self._count(path)
        if count != len(labels):
            raise LabelError(
                f"{path.with_name('labels.npy')} has {len(labels)} labels for {count} excerpts",
                expected="one label an excerpt",
                fix="unpack the data set again",
            )
        return [
            Clip(f"{split}/{row:06d}", path, {"genre": label} if label else {}, group=split, split=split, row=row)
            for row, label in enumerate(labels)
        ]

    def _count(self, path: Path) -> int:
        form = form_of(self._features)
        try:
            return len(open_excerpts(path, form))
        except ClipError as error:
            raise DataNotFoundError(
                f"{path} cannot be used ({error})",
                expected=f"an array of numbers {described(form)}, without pickled objects",
                fix="unpack the data set again",
            ) from error

    @cached_property
    def _labels(self) -> Mapping[str, list[str]]:
        """Labels of every part in the order of its excerpts; an empty one is missing."""
        return {split: _read_labels(self._file(split, "labels.npy")) for split in SPLITS}

    def _file(self, split: str, name: str) -> Path:
        path = self.root / split / name
        if not path.is_file():
            raise DataNotFoundError(
                f"{path} is not there",
                expected="X.npy and labels.npy in each of train/, val/ and test/",
                fix="unpack the data set again; its parts are never divided anew",
            )
        return path


def _read_labels(path: Path) -> list[str]:
    try:
        labels = np.load(path, allow_pickle=False)
        found = f"{labels.dtype} {list(labels.shape)}"
        usable = labels.ndim == 1 and labels.dtype.kind in "US"
        if usable:
            return [str(label).strip() for label in labels.astype(np.str_)]
    except Exception as error:  # a damaged file raises whatever tokenize or an absurd shape make of it
        found = str(error)
    raise LabelError(
        f"{path} holds no class names ({found})",
        expected="an array of strings [N], without pickled objects",
        fix="unpack the data set again, or save the labels anew as np.asarray(labels, dtype=str)",
    )
