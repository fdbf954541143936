"""What a report says of calibration: of probabilities beside those of a calibrated model, of values on scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from music_affect.evaluation.calibration import BINS, LEVEL
from music_affect.evaluation.plots import INK, MODEL, bare, new_figure
from music_affect.evaluation.tables import UNKNOWN, Markdown, bold, table
from music_affect.runs.reader import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_IDENTITY = "#8a929c"
PARTS = ("test", "val")
_LARGEST_POINT = 260  # square points of a figure that hold all clips


def calibration_section(run: RunFolder) -> Markdown:
    """Tables of a run with what they mean, one a kind of label."""
    parts = []
    if run.classes:
        rows: dict[str, Any] = {bold(run.metrics["model"]): run.metrics["test"], **run.metrics["references"]}
        parts.append(
            _classes({name: scores["classification"] for name, scores in rows.items() if "classification" in scores})
        )
    if run.scales:
        test, val = (((run.metrics.get(part) or {}).get("regression") or {}).get("by_target", {}) for part in PARTS)
        parts.append(
            _scales({name: {**test.get(name, {}), **_from_validation(val.get(name, {}))} for name in run.scales})
        )
    return Markdown("\n\n".join(parts))


def _from_validation(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Intervals that the validation part gives the test part, where there are any."""
    found = figures.get("conformal") or {}
    return {"conformal": found} if found.get("from") == "val" else {}


def draw_reliability(bins: list[Mapping[str, float]], title: str, *, synthetic: bool = False) -> Figure:
    """Accuracy against the probability of the predicted class, a point a bin, as large as its share of the clips.

    Args:
        bins: ``reliability`` of ``class_calibration``.
        title: what is shown.
        synthetic: the music was made by a program; the title then says so.
    """
    figure = new_figure(4.8, 4.8, title, synthetic)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=_IDENTITY, linewidth=1, linestyle="--", zorder=1)
    confidence, accuracy, clips = ([one[name] for one in bins] for name in ("confidence", "accuracy", "clips"))
    axes.plot(confidence, accuracy, color=MODEL, linewidth=1, alpha=0.5, zorder=2)
    areas = [_LARGEST_POINT * count / sum(clips) + 8 for count in clips]
    axes.scatter(confidence, accuracy, s=areas, color=MODEL, linewidths=0, zorder=3)
    for x, y, count in zip(confidence, accuracy, clips, strict=True):
        axes.annotate(f"{count:g}", (x, y), (0, 9), textcoords="offset points", ha="center", fontsize=7, color=INK)
    axes.set(xlim=(0, 1.02), ylim=(-0.02, 1.06), aspect="equal")
    axes.set(xlabel="probability of the predicted class", ylabel="share that is right, number of clips above")
    bare(axes, "both")
    return figure


def _classes(rows: Mapping[str, Mapping[str, Any]]) -> Markdown:
    lines = [
        [name, *(scores["ece"][key] for key in ("value", "calibrated", "limit")), scores["brier"]]
        for name, scores in rows.items()
    ]
    header = ["", "expected calibration error", "of a calibrated model", "95 % of such below", "Brier score"]
    return Markdown(
        f"{table(header, lines)}\n\nThe error is the mean distance between the probability of the predicted class and "
        f"how often it is right, in {BINS} bins. A calibrated model is not at 0 on so few clips: its labels were drawn "
        "from these probabilities, clip by clip. The Brier score runs from 0 (best) to 2."
    )


def _scales(by_target: Mapping[str, Mapping[str, Any]]) -> Markdown:
    lines = []
    for name, figures in by_target.items():
        width, held = ((figures.get("conformal") or {}).get(key) for key in ("half_width", "coverage"))
        told = [UNKNOWN, UNKNOWN] if width is None or held is None else [f"± {width:.3g}", f"{held:.1%}"]
        lines.append([name, figures.get("slope"), figures.get("spread"), *told])
    header = ["scale", "slope", "spread", f"{LEVEL:.0%} interval", "labels within"]
    sources = {figures["conformal"]["from"] for figures in by_target.values() if "conformal" in figures}
    source = "errors on the validation part" if sources == {"val"} else "errors on the other half of the test groups"
    return Markdown(
        f"{table(header, lines)}\n\nSlope: of the labels on the predictions, 1 where differences between predictions "
        "are as large in the labels. Spread: standard deviation of the predictions over that of the labels. Interval: "
        f"around every prediction, from {source} (split conformal), and how many labels were within it."
    )
