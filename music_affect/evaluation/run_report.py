"""The report of a run: one Markdown page and its figures, made from the run folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from music_affect.evaluation.learning_curves import plot_learning_curves
from music_affect.evaluation.plots import plot_confusion, plot_per_class
from music_affect.evaluation.run_folder import RunFolder, read_run
from music_affect.evaluation.tables import classification_report, comparison, table, with_interval
from music_affect.files import atomic_path

MISTAKES = 5


def write_report(run_folder: Path) -> Path:
    """Write ``report.md`` and ``figures/`` into the folder of a finished classification run.

    Args:
        run_folder: the folder that a training run left.

    Returns:
        Path of the report.

    Raises:
        RunFolderError: the folder is not a run, the run failed or has not finished, or a file is missing or broken.
    """
    run = read_run(run_folder)
    figures = _draw(run)
    sections = {
        "What was run": _what_was_run(run),
        "Beside the references": _references(run),
        "Alarms": _alarms(run),
        "Classes": classification_report(run.metrics["test"]),
        "Figures": "\n\n".join(f"![{label}]({path})" for label, path in figures.items()),
        "Skipped clips": _skipped(run),
        "Most confident mistakes": _mistakes(run),
        "Environment": _environment(run),
    }
    text = _head(run) + "".join(f"\n## {title}\n\n{body}\n" for title, body in sections.items())
    report = run_folder / "report.md"
    with atomic_path(report) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return report


def _draw(run: RunFolder) -> dict[str, str]:
    """Draw the figures; their paths relative to the run folder, by what they show."""
    test, linear = run.metrics["test"], run.metrics["references"]["linear"]
    title, folder = f"{run.name}, {test['clips']} test clips", run.path / "figures"
    plot_confusion(test["confusion"], run.metrics["classes"], folder / "confusion.png", title, synthetic=run.synthetic)
    plot_per_class(test["per_class"], linear["per_class"], folder / "per_class.png", title, synthetic=run.synthetic)
    plot_learning_curves(
        run.history,
        folder / "learning_curves.png",
        run.metrics["monitor"],
        run.name,
        tested_epoch=run.metrics["weights"]["epoch"],
        synthetic=run.synthetic,
    )
    names = {"Confusion matrix": "confusion", "F1 by class": "per_class", "Learning curves": "learning_curves"}
    return {label: f"figures/{name}.png" for label, name in names.items()}


def _head(run: RunFolder) -> str:
    warning = (
        "> **SYNTHETIC music.** A program made the clips; no figure here says anything about real music.\n\n"
        if run.synthetic
        else ""
    )
    label = " on SYNTHETIC music" if run.synthetic else ""
    test = run.metrics["test"]
    return (
        f"# {run.name}\n\n{warning}"
        f"**Macro F1 {with_interval(test['f1_macro'])}**{label}, accuracy {with_interval(test['accuracy'])}: "
        f"{test['clips']} test clips, seed {run.metrics['seed']}, {_weights(run.metrics['weights'])}. "
        "Brackets hold 95 % bootstrap intervals over clips.\n"
    )


def _weights(weights: Mapping[str, Any]) -> str:
    kind = "best" if weights["kind"] == "best" else "last"
    return f"{kind} weights (epoch {weights['epoch']}: {weights['reason']})"


def _what_was_run(run: RunFolder) -> str:
    metrics, clips = run.metrics, run.metrics["clips"]
    seconds = metrics.get("seconds") or {}
    facts: dict[str, object] = {
        "task": f"{metrics['task']} (target {metrics['target']}, {len(metrics['classes'])} classes)",
        "model": f"{metrics['model']}" + (f", {metrics['parameters']:,} parameters" if "parameters" in metrics else ""),
        "data": f"{metrics['data']}, features {metrics['features']}",
        "clips": ", ".join(f"{clips[split]} {split}" for split in ("train", "val", "test") if split in clips),
        "seed": metrics["seed"],
        "fold": "none" if metrics.get("fold") is None else metrics["fold"],
        "tested": _weights(metrics["weights"]),
        "decided by": f"`{metrics['monitor']}`",
        **{f"seconds, {part}": f"{value:.1f}" for part, value in seconds.items()},
        "configuration": "[config.yaml](config.yaml)",
    }
    command = run.manifest.get("command", "not recorded")
    return f"```\n{_plain(command)}\n```\n\n{table(['', 'this run'], facts.items())}"


def _references(run: RunFolder) -> str:
    references = run.metrics["references"]
    rows = {
        f"**{run.metrics['model']}**": run.metrics["test"],
        "linear, on clip statistics": references["linear"],
        "majority": references["majority"],
    }
    if run.metrics.get("val"):
        rows[f"{run.metrics['model']}, val"] = run.metrics["val"]
    return comparison(rows)


def _alarms(run: RunFolder) -> str:
    alarms = run.metrics.get("alarms", [])
    return "\n".join(f"- **{alarm['name']}**: {alarm['message']}" for alarm in alarms) or "None."


def _skipped(run: RunFolder) -> str:
    skipped: Mapping[str, int] = run.metrics["clips"].get("skipped", {})
    return table(["reason", "clips"], sorted(skipped.items())) if skipped else "None."


def _mistakes(run: RunFolder) -> str:
    """The wrong test predictions that the model was surest of: where labels or the model are most worth a look."""
    target = run.metrics["target"]
    wrong = [row for row in run.predictions if row["split"] == "test" and row[target] not in ("", row["predicted"])]
    surest = sorted(wrong, key=lambda row: (-_confidence(row), row["id"]))[:MISTAKES]
    rows = [[row["id"], row[target], row["predicted"], _confidence(row)] for row in surest]
    return table(["clip", "true", "predicted", "probability"], rows) if rows else "None."


def _confidence(row: Mapping[str, str]) -> float:
    return float(row[f"p({row['predicted']})"])


def _environment(run: RunFolder) -> str:
    facts = {name: _plain(value) for name, value in run.manifest.items() if name != "command"}
    return table(["", "recorded"], facts.items())


def _plain(value: object) -> str:
    """A manifest value on one line: mappings as ``name value``, lists as words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "not recorded" if value is None else str(value)
