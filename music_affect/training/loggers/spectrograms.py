"""The features of test clips as pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from music_affect.evaluation.plots import INK, bare, new_figure, save
from music_affect.runs.reader import RunFolder

LONGEST = 1500  # frames: no screen shows more columns
SHOWN = 3  # test clips that are pictured


class ClipPicture(NamedTuple):
    """The features of a test clip as a picture, with the clip's labels and predictions."""

    path: Path
    caption: str


def draw_test_clips(
    run: RunFolder, features: Callable[[str], NDArray[np.float32]], blocks: Mapping[str, tuple[int, int]]
) -> list[ClipPicture]:
    """Draws some test clips, evenly spread over the part, into the figures of a run.

    Args:
        run: read back from its folder.
        features: of a clip by its id, as the model sees them before standardisation, float32 [T, F].
        blocks: the columns of each kind of features.
    """
    rows = [row for row in run.predictions if row["split"] == "test"]
    places = dict.fromkeys(np.linspace(0, len(rows) - 1, SHOWN).round().astype(int).tolist())
    pictures = []
    for number, row in enumerate(rows[place] for place in places):
        path = run.path / "figures" / "clips" / f"{number}.png"
        labels = (f"{name} {row[name] or 'unknown'}, predicted {row[f'predicted {name}']}" for name in run.targets)
        caption = f"{row['id']}: {', '.join(labels)}"
        draw_clip(features(row["id"]), blocks, path, caption, synthetic=run.synthetic)
        pictures.append(ClipPicture(path, caption))
    return pictures


def draw_clip(
    features: NDArray[np.float32],
    blocks: Mapping[str, tuple[int, int]],
    path: Path,
    title: str,
    *,
    synthetic: bool = False,
) -> None:
    """Draws the features that a model sees of a clip, a panel a block, time from left to right.

    Args:
        features: before standardisation, float32 [T, F].
        blocks: the columns of each kind of features.
        path: the PNG to write.
        title: what is shown.
        synthetic: the music was made by a program; the title then says so.
    """
    shown = features[:: -(-len(features) // LONGEST)]
    heights = [3.0 if stop - start > 40 else 1.6 for start, stop in blocks.values()]
    figure = new_figure(7.0, 1.0 + sum(heights), title, synthetic)
    every_axes = figure.subplots(len(heights), squeeze=False, sharex=True, height_ratios=heights).ravel()
    for axes, (name, (start, stop)) in zip(every_axes, blocks.items(), strict=True):
        ends = (0, len(features), 0, stop - start)
        axes.imshow(shown[:, start:stop].T, aspect="auto", origin="lower", cmap="magma", extent=ends)
        axes.set_ylabel(name, fontsize=9, color=INK)
        bare(axes)
    every_axes[-1].set_xlabel("frame", fontsize=9, color=INK)
    save(figure, path)
