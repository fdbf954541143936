"""The report of a run: one Markdown page and its figures, made from the run folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from music_affect.errors import RunFolderError
from music_affect.evaluation.mistakes import confident_mistakes, largest_misses
from music_affect.evaluation.run_figures import draw
from music_affect.evaluation.run_folder import RunFolder, read_run
from music_affect.evaluation.start_report import start_section
from music_affect.evaluation.tables import (
    Markdown,
    bold,
    classification_report,
    code,
    code_block,
    comparison,
    escaped,
    label_range,
    scale_comparison,
    scale_report,
    table,
    with_interval,
)
from music_affect.files import inside, write_text
from music_affect.machine import blamed_on
from music_affect.spec import Categorical, Target


def write_report(run_folder: Path) -> Path:
    """Write ``report.md`` and ``figures/`` into the folder of a finished run.

    Args:
        run_folder: the folder that a training run left.

    Returns:
        Path of the report.

    Raises:
        RunFolderError: the folder is not a run, the run failed or has not finished, or a file is missing or broken.
    """
    run = read_run(run_folder)
    if not inside(run_folder, run_folder / "figures"):
        raise RunFolderError(
            f"{run_folder / 'figures'} is a link out of the run's folder",
            expected="figures to stay in it",
            fix="remove the link",
        )
    with blamed_on(run_folder, RunFolderError, expected="the files of one finished run", fix="train it again"):
        text = _head(run) + "".join(f"\n## {title}\n\n{body}\n" for title, body in _sections(run).items())
    report = run_folder / "report.md"
    write_text(report, text)
    return report


def _sections(run: RunFolder) -> dict[str, str]:
    """The page below its head; a section that the labels or the kind of the run do not call for is left out."""
    test = run.metrics["test"]
    sections = {
        "What was run": _what_was_run(run),
        "Beside the references": _references(run),
        "Alarms": _alarms(run),
    }
    if run.metrics.get("start") is not None:
        sections["Start"] = start_section(run)
    if run.metrics.get("weighting") is not None:
        sections["Loss weights"] = _loss_weights(run.metrics["weighting"])
    if run.classes:
        sections["Classes"] = classification_report(test["classification"])
    if run.scales:
        sections["Scales"] = scale_report(test["regression"], run.scales)
    sections["Figures"] = "\n\n".join(f"![{label}]({path})" for label, path in draw(run).items())
    sections["Skipped clips"] = _skipped(run)
    for target in run.classes:
        sections["Most confident mistakes"] = confident_mistakes(run, target)
    if run.scales:
        sections["Largest misses"] = largest_misses(run)
    return {**sections, "Environment": _environment(run)}


def _head(run: RunFolder) -> str:
    warning = (
        "> **SYNTHETIC music.** A program made the clips; no figure here says anything about real music.\n\n"
        if run.synthetic
        else ""
    )
    label = " on SYNTHETIC music" if run.synthetic else ""
    return (
        f"# {escaped(run.name)}\n\n{warning}"
        f"{_deciding(run, label)}, seed {run.metrics['seed']}, {_weights(run.metrics['weights'])}. "
        "Brackets hold 95 % bootstrap intervals over clips.\n"
    )


def _deciding(run: RunFolder, label: str) -> str:
    """The figures that decide, and over how many clips."""
    test = run.metrics["test"]
    found, clips = [], []
    if run.classes:
        scores = test["classification"]
        accuracy = f"accuracy {with_interval(scores['accuracy'])}"
        found.append(f"**Macro F1 {with_interval(scores['f1_macro'])}**{label}, {accuracy}")
        clips.append(scores["clips"])
    if run.scales:
        scores = test["regression"]
        names = list(run.scales)
        title = "Mean Spearman" if len(names) > 1 else f"Spearman of {escaped(names[0])}"
        found.append(f"**{title} {with_interval(scores['spearman'])}**{label}")
        clips.append(scores["clips"])
    if len(set(clips)) == 1:
        return f"{'. '.join(found)}: {clips[0]} test clips"
    counted = [f"{figures}: {count} test clips" for figures, count in zip(found, clips, strict=True)]
    return ". ".join(counted)


def _weights(weights: Mapping[str, Any]) -> str:
    kind = "best" if weights["kind"] == "best" else "last"
    return Markdown(f"{kind} weights (epoch {weights['epoch']}: {escaped(weights['reason'])})")


def _what_was_run(run: RunFolder) -> str:
    metrics, clips = run.metrics, run.metrics["clips"]
    seconds = metrics.get("seconds") or {}
    facts: dict[str, object] = {
        "task": metrics["task"],
        "labels": ", ".join(f"{name} ({_told(kind)})" for name, kind in run.targets.items()),
        "model": f"{metrics['model']}" + (f", {metrics['parameters']:,} parameters" if "parameters" in metrics else ""),
        "data": f"{metrics['data']}, features {metrics['features']}",
        "clips": ", ".join(f"{clips[split]} {split}" for split in ("train", "val", "test") if split in clips),
        "seed": metrics["seed"],
        "fold": "none" if metrics.get("fold") is None else metrics["fold"],
        "tested": _weights(metrics["weights"]),
        "decided by": code(metrics["monitor"]),
        **{f"seconds, {part}": f"{value:.1f}" for part, value in seconds.items()},
        "configuration": Markdown("[config.yaml](config.yaml)"),
    }
    command = run.manifest.get("command", "not recorded")
    return f"{code_block([_plain(command)])}\n\n{table(['', 'this run'], facts.items())}"


def _told(kind: Target) -> str:
    return f"{kind.num_classes} classes" if isinstance(kind, Categorical) else label_range(kind)


def _references(run: RunFolder) -> str:
    """One table a kind of label."""
    tables: dict[str, str] = {}
    for target in run.classes:
        tables[target] = comparison(_scored(run, "classification", "majority"))
    if run.scales:
        tables["Scales"] = scale_comparison(_scored(run, "regression", "training mean"), list(run.scales))
    if len(tables) == 1:
        return next(iter(tables.values()))
    return "\n\n".join(f"### {escaped(title)}\n\n{body}" for title, body in tables.items())


def _scored(run: RunFolder, part: str, constant: str) -> dict[str, Mapping[str, Any]]:
    """Scores of a kind of label by what their row is called; ``constant`` names the answer that is always the same."""
    model, references = run.metrics["model"], run.metrics["references"]
    rows = {
        bold(model): run.metrics["test"][part],
        "linear, on clip statistics": references["linear"][part],
        constant: references["majority"][part],
    }
    val = run.metrics.get("val") or {}
    return rows | ({f"{model}, val": val[part]} if val.get(part) else {})


def _alarms(run: RunFolder) -> str:
    alarms = run.metrics.get("alarms", [])
    return "\n".join(f"- {bold(alarm['name'])}: {escaped(alarm['message'])}" for alarm in alarms) or "None."


def _loss_weights(weights: Mapping[str, float]) -> str:
    told = "What the loss of each label was multiplied by in the tested epoch, learned along with the model."
    return f"{told}\n\n{table(['label', 'weight'], weights.items())}"


def _skipped(run: RunFolder) -> str:
    clips: Mapping[str, Any] = run.metrics["clips"]
    rows = sorted((clips.get("skipped") or {}).items())
    rows += [("without a label", clips["unlabelled"])] if clips.get("unlabelled") else []
    return table(["reason", "clips"], rows) if rows else "None."


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
