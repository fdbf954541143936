from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from music_affect.evaluation import plots
from music_affect.evaluation.learning_curves import plot_learning_curves
from music_affect.evaluation.plots import plot_confusion, plot_per_class

HISTORY: list[dict[str, float | None]] = [
    {"epoch": e, "train/loss": 2 / (e + 1), "val/loss": None if e % 2 else 2.0, "val/f1_macro": 0.1 * e, "lr": 1e-3}
    for e in range(6)
]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every figure that is saved during the test."""
    figures: list[Figure] = []
    savefig = Figure.savefig

    def remember(figure: Figure, *args: Any, **options: Any) -> None:
        figures.append(figure)
        savefig(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", remember)
    return figures


def is_drawn(path: Path) -> bool:
    """Whether a PNG holds more than a blank page, and nothing else was left in its folder."""
    image = imread(path)
    return min(image.shape[:2]) > 200 and image[..., :3].std() > 0.02 and not list(path.parent.glob(".*"))


@pytest.mark.parametrize("num_classes", [2, 4, 20])
def test_confusion(tmp_path: Path, drawn: list[Figure], num_classes: int) -> None:
    classes = [f"A Rather Long Genre Name {i}" for i in range(num_classes)]
    confusion = np.diag(np.arange(num_classes) + 5)
    plot_confusion(confusion.tolist(), classes, tmp_path / "new" / "c.png", "a run")
    assert is_drawn(tmp_path / "new" / "c.png")
    axes = drawn[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == classes
    assert [text.get_text() for text in axes.texts] == [str(n + 5) for n in range(num_classes)]


def test_per_class(tmp_path: Path, drawn: list[Figure]) -> None:
    model = {"Rock": {"f1": 0.5, "support": 12}, "Pop": {"f1": 0.0, "support": 0}}
    plot_per_class(model, {"Rock": {"f1": 0.7}, "Pop": {"f1": 0.2}}, tmp_path / "p.png", "a run")
    assert is_drawn(tmp_path / "p.png")
    assert [bar.get_width() for bar in drawn[0].axes[0].patches] == [0.5, 0.0, 0.7, 0.2]
    assert [label.get_text() for label in drawn[0].axes[0].get_yticklabels()] == ["Rock  (12)", "Pop  (0)"]


def test_learning_curves_mark_the_tested_epoch(tmp_path: Path, drawn: list[Figure]) -> None:
    plot_learning_curves(HISTORY, tmp_path / "l.png", "val/f1_macro", "a run", tested_epoch=4)
    assert is_drawn(tmp_path / "l.png")
    loss, metric, rate = drawn[0].axes
    assert [line.get_label() for line in loss.lines[:2]] == ["train", "val"]
    assert list(loss.lines[1].get_xdata()) == [0, 2, 4], "epochs without val are left out"
    assert "tested: epoch 4" in [text.get_text() for text in loss.texts]
    assert list(metric.lines[-1].get_xdata()) == list(rate.lines[-1].get_xdata()) == [4, 4]


@pytest.mark.parametrize("history", [[], HISTORY[:1], [{"epoch": 0, "train/loss": float("nan")}]])
def test_learning_curves_of_hardly_any_epoch(tmp_path: Path, drawn: list[Figure], history: list[Any]) -> None:
    plot_learning_curves(history, tmp_path / "l.png", "val/loss", "a run")
    assert (tmp_path / "l.png").stat().st_size > 2000
    assert len(drawn[0].axes) == 2, "a monitored loss needs no panel of its own"


@pytest.mark.parametrize("synthetic", [True, False])
def test_titles_say_where_the_music_is_synthetic(tmp_path: Path, drawn: list[Figure], synthetic: bool) -> None:
    plot_confusion([[1, 0], [0, 1]], ["a", "b"], tmp_path / "c.png", "a run", synthetic=synthetic)
    one = {"a": {"f1": 1.0, "support": 1}}
    plot_per_class(one, one, tmp_path / "p.png", "a run", synthetic=synthetic)
    plot_learning_curves(HISTORY, tmp_path / "l.png", "val/f1_macro", "a run", synthetic=synthetic)
    titles = [figure.get_suptitle() for figure in drawn]
    assert titles == ["SYNTHETIC music\na run" if synthetic else "a run"] * 3


def test_a_figure_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    class Broken:
        def savefig(self, path: Path, **options: Any) -> None:
            path.write_bytes(b"half")
            raise OSError("disk full")

    (tmp_path / "c.png").write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"):
        plots.save(Broken(), tmp_path / "c.png")  # type: ignore[arg-type]
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("c.png", b"old")]


def test_drawing_leaves_pyplot_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # an import of it would fail
    plot_confusion([[1]], ["a"], tmp_path / "c.png", "a run")
    assert is_drawn(tmp_path / "c.png")
