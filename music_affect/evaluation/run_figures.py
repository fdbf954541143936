"""The figures of a run, drawn from its folder into it."""

from __future__ import annotations

from music_affect.evaluation.calibration_report import draw_reliability
from music_affect.evaluation.learning_curves import plot_learning_curves
from music_affect.evaluation.plots import draw_confusion, plot_per_class, save
from music_affect.evaluation.regression_plots import Panel, draw_scales
from music_affect.runs.reader import RunFolder


def draw(run: RunFolder) -> dict[str, str]:
    """Draw whatever figures the labels of a run allow.

    Returns:
        Their paths relative to the run folder, by what they show.
    """
    names: dict[str, str] = {}
    for target in run.classes:
        names |= _draw_classes(run, target)
    if run.scales:
        names |= _draw_scales(run)
    if run.history:  # a model that is fitted at once has no epochs
        names |= _draw_training(run)
    return {label: f"figures/{name}.png" for label, name in names.items()}


def _draw_classes(run: RunFolder, target: str) -> dict[str, str]:
    test, linear = run.metrics["test"]["classification"], run.metrics["references"]["linear"]["classification"]
    title, folder = f"{run.name}, {test['clips']} test clips", run.path / "figures"
    classes = run.classes[target].classes
    save(draw_confusion(test["confusion"], classes, title, synthetic=run.synthetic), folder / "confusion.png")
    plot_per_class(test["per_class"], linear["per_class"], folder / "per_class.png", title, synthetic=run.synthetic)
    save(draw_reliability(test["reliability"], title, synthetic=run.synthetic), folder / "reliability.png")
    return {"Confusion matrix": "confusion", "F1 by class": "per_class", "Reliability": "reliability"}


def _draw_scales(run: RunFolder) -> dict[str, str]:
    test = run.metrics["test"]["regression"]
    panels = []
    for name, kind in run.scales.items():
        rows = run.labelled(name)
        true, predicted = ([float(row[column]) for row in rows] for column in (name, f"predicted {name}"))
        panels.append(Panel(name, true, predicted, test["by_target"].get(name, {}).get("spearman"), kind))
    title = f"{run.name}, {test['clips']} test clips"
    save(draw_scales(panels, title, synthetic=run.synthetic), run.path / "figures" / "scales.png")
    return {"Predicted against true values": "scales"}


def _draw_training(run: RunFolder) -> dict[str, str]:
    plot_learning_curves(
        run.history,
        run.path / "figures" / "learning_curves.png",
        run.metrics["monitor"],
        run.name,
        tested_epoch=run.metrics["weights"]["epoch"],
        synthetic=run.synthetic,
    )
    return {"Learning curves": "learning_curves"}
