from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from music_affect.contracts.spec import Continuous
from music_affect.evaluation.plots import save
from music_affect.evaluation.regression_plots import Panel, draw_scales

BOUNDED = Continuous(1.0, 9.0)
FIGURE = {"value": 0.5, "low": 0.4, "high": 0.6}


def panel(name: str, kind: Continuous = BOUNDED, n: int = 50, **changes: Any) -> Panel:
    rng = np.random.default_rng(5)
    true = rng.uniform(3, 7, n)
    facts = {"true": true.tolist(), "predicted": (true + rng.normal(0, 0.3, n)).tolist(), "spearman": FIGURE}
    return Panel(**{"name": name, "kind": kind, **facts, **changes})


def boxes(figure: Figure) -> list[Any]:
    """The places of the panels with their titles and tick labels, in pixels."""
    figure.draw_without_rendering()
    return [axes.get_tightbbox() for axes in figure.axes if axes.axison]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9, 12])
def test_each_scale_has_a_panel_of_its_own(tmp_path: Path, drawn: list[Figure], count: int) -> None:
    names = [f"joyful_activation_{i}" for i in range(count)]
    save(draw_scales([panel(name) for name in names], "a run"), tmp_path / "new" / "s.png")
    assert imread(tmp_path / "new" / "s.png")[..., :3].std() > 0.02
    shown = [axes for axes in drawn[0].axes if axes.axison]
    assert [axes.get_title() for axes in shown] == [f"{name}\nSpearman 0.500 [0.400, 0.600]" for name in names]
    places = boxes(drawn[0])
    assert not any(a.overlaps(b) for i, a in enumerate(places) for b in places[:i]), "panels lie over each other"
    assert all(box.x0 >= 0 and box.x1 <= drawn[0].bbox.x1 and box.y1 <= drawn[0].bbox.y1 for box in places)


def test_axes_span_the_range_and_carry_the_identity(tmp_path: Path, drawn: list[Figure]) -> None:
    save(draw_scales([panel("valence")], "a run"), tmp_path / "s.png")
    axes = drawn[0].axes[0]
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((0.68, 9.32))
    assert list(axes.lines[0].get_xdata()) == list(axes.lines[0].get_ydata()) == [1.0, 9.0]
    assert len(axes.collections[0].get_offsets()) == 50


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [(BOUNDED, 1.0, 12.0), (Continuous(0.0, None), 0.0, 12.0), (Continuous(), 2.0, 12.0)],
)
def test_no_point_is_hidden(tmp_path: Path, drawn: list[Figure], kind: Continuous, low: float, high: float) -> None:
    save(draw_scales([panel("valence", kind, true=[2.0, 3.0], predicted=[12.0, 4.0])], "a run"), tmp_path / "s.png")
    line = drawn[0].axes[0].lines[0]
    assert list(line.get_xdata()) == [low, high]


@pytest.mark.parametrize("values", [[], [0.5, 0.5]])
def test_nothing_and_constants_are_drawn(tmp_path: Path, drawn: list[Figure], values: list[float]) -> None:
    empty = panel("valence", Continuous(), true=values, predicted=values, spearman=None)
    save(draw_scales([empty], "a run"), tmp_path / "s.png")
    assert drawn[0].axes[0].get_title() == "valence"


@pytest.mark.parametrize("synthetic", [True, False])
def test_titles_say_where_the_music_is_synthetic(tmp_path: Path, drawn: list[Figure], synthetic: bool) -> None:
    save(draw_scales([panel("valence")], "a run", synthetic=synthetic), tmp_path / "s.png")
    assert drawn[0].get_suptitle() == ("SYNTHETIC music\na run" if synthetic else "a run")


def test_drawing_leaves_pyplot_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # an import of it would fail
    save(draw_scales([panel("valence")], "a run"), tmp_path / "s.png")
    assert (tmp_path / "s.png").is_file()
