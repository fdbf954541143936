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
from music_affect.evaluation.plots import draw_confusion, plot_per_class, save

HISTORY: list[dict[str, float | None]] = [
    {"epoch": e, "train/loss": 2 / (e + 1), "val/loss": None if e % 2 else 2.0, "val/f1_macro": 0.1 * e, "lr": 1e-3}
    for e in range(6)
]


def is_drawn(path: Path) -> bool:
    """Whether a PNG holds more than a blank page, and nothing else was left in its folder."""
    image = imread(path)
    return min(image.shape[:2]) > 200 and image[..., :3].std() > 0.02 and not list(path.parent.glob(".*"))


@pytest.mark.parametrize("num_classes", [2, 4, 20])
def test_confusion(tmp_path: Path, drawn: list[Figure], num_classes: int) -> None:
    classes = [f"A Rather Long Genre Name {i}" for i in range(num_classes)]
    confusion = np.diag(np.arange(num_classes) + 5)
    save(draw_confusion(confusion.tolist(), classes, "a run"), tmp_path / "new" / "c.png")
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


def joint_history(labels: list[str]) -> list[dict[str, float | None]]:
    figures = ("f1_macro", "spearman", "score")
    return [
        {"epoch": e, "train/loss": 1.0, "lr": 1e-3, **{f"val/{name}": 0.1 * e for name in figures}}
        | {f"weight/{label}": 1.0 + e * place for place, label in enumerate(labels)}
        for e in range(5)
    ]


@pytest.mark.parametrize("labels", [[], ["valence"], [f"joyful_activation_{i}" for i in range(12)]])
def test_learning_curves_of_a_joint_run(tmp_path: Path, drawn: list[Figure], labels: list[str]) -> None:
    plot_learning_curves(joint_history(labels), tmp_path / "l.png", "val/score", "a run", tested_epoch=2)
    assert is_drawn(tmp_path / "l.png")
    names = [axes.get_ylabel() for axes in drawn[0].axes]
    assert names == ["loss", "score", "f1 macro", "spearman", *(["loss weight"] if labels else []), "rate"]
    if labels:
        weights = drawn[0].axes[-2]
        shown = weights.get_legend()
        assert shown is not None
        assert [text.get_text() for text in shown.get_texts()] == labels
        styles = {(line.get_color(), line.get_linestyle()) for line in weights.lines[: len(labels)]}
        assert len(styles) == len(labels), "two labels look the same"
        place = shown.get_window_extent()
        assert place.x0 >= weights.bbox.x1 - 1, "the names lie over the curves"
        assert place.x1 <= drawn[0].bbox.x1


@pytest.mark.parametrize("monitor", ["val/spearman", "val/score"])
def test_figures_that_the_history_does_not_know_have_no_panel(
    tmp_path: Path, drawn: list[Figure], monitor: str
) -> None:
    history: list[dict[str, float | None]] = [{"epoch": e, monitor: 0.1, "train/loss": 1.0} for e in range(3)]
    plot_learning_curves(history, tmp_path / "l.png", monitor, "a run")
    assert [axes.get_ylabel() for axes in drawn[0].axes] == ["loss", monitor.removeprefix("val/"), "rate"]


def test_long_titles_stay_within_the_figure(tmp_path: Path, drawn: list[Figure]) -> None:
    title = "joint / synthetic_beat-fused-ast_small-s0-transfer_freeze_until_epoch3, 100 test clips"
    save(draw_confusion([[1, 0], [0, 1]], ["a", "b"], title, synthetic=True), tmp_path / "c.png")
    drawn[0].draw_without_rendering()
    place = drawn[0]._suptitle.get_window_extent()  # type: ignore[attr-defined]
    assert 0 <= place.x0 < place.x1 <= drawn[0].bbox.x1


@pytest.mark.parametrize("synthetic", [True, False])
def test_titles_say_where_the_music_is_synthetic(tmp_path: Path, drawn: list[Figure], synthetic: bool) -> None:
    save(draw_confusion([[1, 0], [0, 1]], ["a", "b"], "a run", synthetic=synthetic), tmp_path / "c.png")
    one = {"a": {"f1": 1.0, "support": 1}}
    plot_per_class(one, one, tmp_path / "p.png", "a run", synthetic=synthetic)
    plot_learning_curves(HISTORY, tmp_path / "l.png", "val/f1_macro", "a run", synthetic=synthetic)
    titles = [figure.get_suptitle() for figure in drawn]
    assert titles == ["SYNTHETIC music\na run" if synthetic else "a run"] * 3


def test_a_figure_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    class Broken(Figure):
        def savefig(self, path: Any, **options: Any) -> None:
            path.write_bytes(b"half")
            raise OSError("disk full")

    (tmp_path / "c.png").write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"):
        plots.save(Broken(), tmp_path / "c.png")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("c.png", b"old")]


def test_drawing_leaves_pyplot_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # an import of it would fail
    save(draw_confusion([[1]], ["a"], "a run"), tmp_path / "c.png")
    assert is_drawn(tmp_path / "c.png")
