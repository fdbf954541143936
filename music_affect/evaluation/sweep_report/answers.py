"""The answers of one configuration beside the truth: a confusion matrix, values against values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from music_affect.contracts.confusion import confusions
from music_affect.contracts.spec import Categorical, Continuous
from music_affect.evaluation.plots import draw_confusion
from music_affect.evaluation.pooling import Pool
from music_affect.evaluation.regression_plots import Panel, draw_scales
from music_affect.evaluation.sweep_report.contents import Section
from music_affect.evaluation.sweep_report.drawing import to_svg
from music_affect.evaluation.sweep_report.leaderboard import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_CLASSES = 30  # that can still be read


def draw_answers(section: Section, row: Row, which: str) -> dict[str, str]:
    """Figures of a row by what they show: of its first seed, all folds together.

    Args:
        section: that the row stands in.
        row: the configuration; without readable predictions there is nothing to draw.
        which: ``highest score`` or ``lowest score``.
    """
    if not row.pools:
        return {}
    pool, found = row.pools[0], {}
    title = f"{which.capitalize()}: {section.name(row)}, seed {next(iter(row.seeds))}"
    for name, kind in pool.targets.items():
        if isinstance(kind, Categorical) and kind.num_classes <= _MOST_CLASSES:
            found[f"{title}: {name}"] = to_svg(_confusion(pool, name, kind), f"confusion, {which}, {section.title}")
    panels = [_panel(pool, name, kind) for name, kind in pool.targets.items() if isinstance(kind, Continuous)]
    if panels:
        label = f"scales, {which}, {section.title}"
        found[f"{title}: predicted against true"] = to_svg(draw_scales(panels), label)
    return found


def _confusion(pool: Pool, name: str, kind: Categorical) -> Figure:
    labelled = pool.truth[name] >= 0
    truth, predicted = pool.truth[name][labelled], pool.predictions[name][labelled].argmax(axis=1)
    return draw_confusion(confusions(truth, predicted, kind.num_classes)[0], kind.classes)


def _panel(pool: Pool, name: str, kind: Continuous) -> Panel:
    known = np.isfinite(pool.truth[name])
    return Panel(name, pool.truth[name][known].tolist(), pool.predictions[name][known].tolist(), None, kind)
