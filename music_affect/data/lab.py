"""The lab's ready-made spectrograms: genre and affect, full-rate and beat-synchronous."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from music_affect.contracts.errors import DataNotFoundError, LabelError
from music_affect.contracts.spec import Categorical, Continuous, Target
from music_affect.data.source import Clip, ClipSource
from music_affect.data.tables.class_mapping import ClassMapping
from music_affect.data.tables.label_files import readable, refuse_repeated

SUFFIXES = (".fused.full.npy", ".fused.full.npy.gz")
AFFECT = ("valence", "energy", "danceability")


class LabSource(ClipSource):
    """One of the four ready-made sets.

    What: spectrograms of excerpts of the Free Music Archive (FMA) as arrays [140, T], rows 0-127 mel in dB, rows
    128-139 chroma; full-rate (43.07 frames a second) or one column a beat.
    How many: 3834 clips with a genre in official train and test parts (2880 in the ten classes of the default mapping);
    1497 clips with valence, energy and danceability, of which 375 come without labels.
    Licence: the tracks carry Creative Commons licences of their artists.
    Reference: Defferrard et al., "FMA: A Dataset for Music Analysis", ISMIR 2017.

    Args:
        root: the folder that holds the four sets, or the set itself.
        folder: name of the set's folder.
        labels: ``genre`` (tab-separated class names) or ``affect`` (comma-separated numbers).
        class_mapping: raw genre names by the class they belong to; needed for genre labels.
        dropped: raw genre names whose clips are left out.
    """

    holds = "arrays"

    def __init__(
        self,
        root: str | Path | None,
        folder: str,
        labels: str,
        name: str | None = None,
        class_mapping: Mapping[str, Sequence[str]] | None = None,
        dropped: Sequence[str] = (),
    ) -> None:
        self.name = name or folder
        self._folder, self._kind = folder, labels
        self._mapping = ClassMapping(class_mapping, dropped)
        self._given = None if root is None else Path(root).expanduser().resolve()

    @cached_property
    def root(self) -> Path:  # type: ignore[override]  # looked for when it is first needed
        """The set's folder.

        Raises:
            DataNotFoundError: it is not there.
        """
        return self._find()

    @property
    def targets(self) -> Mapping[str, Target]:
        if self._kind == "genre":
            return {"genre": Categorical(self._mapping.classes)}
        return {name: Continuous(0.0, 1.0) for name in AFFECT}

    def clips(self) -> list[Clip]:
        return [*self._part("train"), *self._part("test")]

    def remarks(self) -> list[str]:
        found = []
        for split in ("train", "test"):
            missing = sorted(self._labels(split).keys() - self._files(split).keys())
            if missing:
                found.append(f"{len(missing)} labels of the {split} part have no file (first: '{missing[0]}').")
        return found

    def _find(self) -> Path:
        looked: list[Path] = []
        if self._given is not None:
            looked = [self._given / self._folder, self._given / "data" / self._folder]
            if self._given.name == self._folder:
                looked.append(self._given)
        for candidate in looked:
            if (candidate / "train").is_dir():
                return candidate
        where = " and ".join(str(path) for path in looked) or "nowhere, since data.root is not set"
        raise DataNotFoundError(
            f"the lab set '{self._folder}' is not there (looked in {where})",
            expected=f"a folder '{self._folder}' with train/, test/ and train_labels.txt",
            fix=(
                "get it from Kaggle (geoparslp/patreco3-multitask-affective-music) and set data.root or the "
                "environment variable MUSIC_AFFECT_DATA to its data folder, or run data=synthetic_beat, needing none"
            ),
        )

    def _part(self, split: str) -> list[Clip]:
        files, labels = self._files(split), self._labels(split)
        return [
            Clip(id=f"{split}/{number}", path=files[number], labels=labels.get(number, {}), split=split)
            for number in sorted(files)
            if not self._is_dropped(labels.get(number))
        ]

    def _is_dropped(self, labels: Mapping[str, str | float] | None) -> bool:
        return labels is not None and labels.get("genre") in self._mapping.dropped

    def _files(self, split: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for path in sorted((self.root / split).glob("*")):
            number = path.name.split(".", 1)[0]
            if path.name.endswith(SUFFIXES) and number:  # '._1042…' is what macOS leaves in archives
                found.setdefault(number, path)  # an unpacked .npy sorts before its .npy.gz
        return found

    def _labels(self, split: str) -> dict[str, dict[str, str | float]]:
        path = self.root / f"{split}_labels.txt"
        if not os.path.isfile(path):
            if split == "train":
                raise DataNotFoundError(
                    f"{self.root} has no train_labels.txt",
                    expected="the label file beside train/ and test/",
                    fix="unpack the data set again",
                )
            return {}
        parse = self._genre_row if self._kind == "genre" else self._affect_row
        rows = self._rows(path)
        if rows and rows[0][1][0].split(".", 1)[0].strip().isdigit():
            raise _bad_line(rows[0][1], path, rows[0][0], "a header line before the first clip")
        labels = [parse(row, path, line) for line, row in rows[1:]]
        numbers = (number for number, _ in labels)
        refuse_repeated(path, "ids", numbers, expected="one line a clip", fix="remove the repeated lines")
        self._refuse_unknown(labels, path)
        return dict(labels)

    def _rows(self, path: Path) -> list[tuple[int, list[str]]]:
        """Lines of a label file that hold something, each with its number."""
        expected, fix = "UTF-8 text with a header line and one line a clip", "unpack the data set again"
        with readable(path, "label file", expected, fix), path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, delimiter="\t" if self._kind == "genre" else ",")
            return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]

    def _genre_row(self, row: list[str], path: Path, line: int) -> tuple[str, dict[str, str | float]]:
        if len(row) != 2:
            raise _bad_line(row, path, line, "'<id>.fused.full.npy<TAB><genre>'")
        raw = row[1].strip()
        return row[0].split(".", 1)[0].strip(), {"genre": self._mapping.class_of(raw)}

    def _affect_row(self, row: list[str], path: Path, line: int) -> tuple[str, dict[str, str | float]]:
        try:
            number, *values = row
            numbers = [float(value) for value in values]
        except ValueError:
            numbers = []
        if len(numbers) != len(AFFECT) or not all(0 <= value <= 1 for value in numbers):
            raise _bad_line(row, path, line, "'<id>,<valence>,<energy>,<danceability>' with numbers in [0, 1]")
        return number.split(".", 1)[0].strip(), dict(zip(AFFECT, numbers, strict=True))

    def _refuse_unknown(self, labels: list[tuple[str, dict[str, str | float]]], path: Path) -> None:
        known = {*self._mapping.classes, *self._mapping.dropped}
        names = Counter(str(row["genre"]) for _, row in labels if "genre" in row)
        for name in sorted(names.keys() - known):
            raise LabelError(
                f"{path} has the genre '{name}' ({names[name]} clips), which the class mapping does not know",
                expected=f"one of {', '.join(self._mapping.raw_names)}",
                fix="add it to data.source.class_mapping or to data.source.dropped",
            )


def _bad_line(row: list[str], path: Path, line: int, expected: str) -> LabelError:
    return LabelError(
        f"line {line} of {path} reads {row}", expected=expected, fix="correct the line or unpack the data set again"
    )
