"""What was predicted for each clip, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.spec import Categorical, Tags, Target
from music_affect.data.source import Clip
from music_affect.system import files

Predictions = Mapping[str, NDArray[np.float64]]
"""By label: probabilities of classes or of tags [N, C], or values [N]."""

HALF = 0.5  # a tag is predicted from this probability on


def write(
    path: Path,
    parts: Mapping[str, Sequence[Clip]],
    predictions: Mapping[str, Predictions],
    targets: Mapping[str, Target],
) -> None:
    """Writes one row a clip; a missing label, and the group of a clip that has none, is an empty cell.

    Args:
        path: of the CSV file.
        parts: clips by part.
        predictions: by part, in the order of its clips.
        targets: labels that were predicted.
    """
    header = ["id", "split", "group"]
    for name, kind in targets.items():
        header += [name, f"predicted {name}"]
        header += [f"p({outcome})" for outcome in kind.outcomes]
    rows = [
        [
            clip.id,
            part,
            clip.group or "",
            *(cell for name, kind in targets.items() for cell in _cells(clip, name, kind, found, place)),
        ]
        for part, found in predictions.items()
        for place, clip in enumerate(parts[part])
    ]
    files.write_csv(path, header, rows)


def write_references(
    folder: Path,
    parts: Mapping[str, Sequence[Clip]],
    answered: Mapping[str, Predictions],
    targets: Mapping[str, Target],
) -> None:
    """Writes a table like ``predictions.csv`` of the test clips for each reference that answers every label.

    Args:
        folder: of the run.
        parts: clips by part.
        answered: by the name of the reference, for the test clips.
        targets: labels of the run.
    """
    for name, found in answered.items():
        if found.keys() == targets.keys():
            write(folder / reference_file(name), parts, {"test": found}, targets)


def reference_file(name: str) -> Path:
    """Where a run folder has what a reference answered."""
    return Path("references") / f"{name}.csv"


def _cells(clip: Clip, name: str, kind: Target, found: Predictions, place: int) -> list[str]:
    row = found[name][place]
    label = clip.labels.get(name, "")
    if isinstance(kind, Categorical):
        return [str(label), kind.classes[int(row.argmax())], *(f"{value:.6f}" for value in row)]
    if isinstance(kind, Tags):
        likely = {tag for tag, value in zip(kind.names, row, strict=True) if value >= HALF}
        return [str(label), kind.label(likely), *(f"{value:.6f}" for value in row)]
    return ["" if label == "" else f"{label:.6g}", f"{row:.7g}"]
