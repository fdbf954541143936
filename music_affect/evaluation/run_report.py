"""The report of a run: one Markdown page and its figures, made from the run folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from music_affect.contracts.errors import RunFolderError
from music_affect.contracts.spec import Categorical, Tags, Target
from music_affect.evaluation.calibration_report import calibration_section
from music_affect.evaluation.mistakes import confident_mistakes, largest_misses
from music_affect.evaluation.run_figures import draw
from music_affect.evaluation.start_report import start_section
from music_affect.evaluation.tables import (
    Markdown,
    bold,
    classification_report,
    code,
    comparison,
    escaped,
    label_range,
    render,
    scale_comparison,
    scale_report,
    tag_comparison,
    tag_report,
    with_interval,
)
from music_affect.runs.reader import RunFolder, read_run
from music_affect.system.console import intervals_over
from music_affect.system.files import inside, write_text
from music_affect.system.machine import blamed_on


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
        text = _text(run)
    report = run_folder / "report.md"
    write_text(report, text)
    return report


def _text(run: RunFolder) -> str:
    """The page; a section that the labels or the kind of the run do not call for is left out by the template."""
    return render(
        Path(__file__).with_suffix(".md"),
        run=run,
        test=run.metrics["test"],
        deciding=_deciding(run),
        intervals=_intervals(run),
        command=_plain(run.manifest.get("command", "not recorded")),
        facts=_facts(run),
        beside=_references(run),
        figures=draw(run),
        skipped=_skipped(run),
        environment={name: _plain(value) for name, value in run.manifest.items() if name != "command"},
        calibration_section=calibration_section,
        classification_report=classification_report,
        confident_mistakes=confident_mistakes,
        largest_misses=largest_misses,
        scale_report=scale_report,
        start_section=start_section,
        tag_report=tag_report,
    )


def _deciding(run: RunFolder) -> Markdown:
    """The figures that decide, and over how many clips."""
    test, label = run.metrics["test"], " on SYNTHETIC music" if run.synthetic else ""
    found, clips = [], []
    if run.classes:
        scores = test["classification"]
        accuracy = f"accuracy {with_interval(scores['accuracy'])}"
        found.append(f"**Macro F1 {with_interval(scores['f1_macro'])}**{label}, {accuracy}")
        clips.append(scores["clips"])
    if run.tags:
        scores = test["tagging"]
        headline = f"**Macro average precision {with_interval(scores['average_precision'])}**{label}"
        over = f"over {scores['scored']} of {len(scores['per_tag'])} tags"
        found.append(f"{headline}, macro ROC-AUC {with_interval(scores['roc_auc'])}, {over}")
        clips.append(scores["clips"])
    if run.scales:
        scores = test["regression"]
        names = list(run.scales)
        title = "Mean Spearman" if len(names) > 1 else f"Spearman of {escaped(names[0])}"
        found.append(f"**{title} {with_interval(scores['spearman'])}**{label}")
        clips.append(scores["clips"])
    if len(set(clips)) == 1:
        return Markdown(f"{'. '.join(found)}: {clips[0]} test clips")
    counted = [f"{figures}: {count} test clips" for figures, count in zip(found, clips, strict=True)]
    return Markdown(". ".join(counted))


def _intervals(run: RunFolder) -> str:
    """What the brackets hold, or why there are none."""
    told = intervals_over(run.metrics["test"])
    return f"There are {told}." if told.startswith("no ") else f"Brackets hold {told}."


def _weights(weights: Mapping[str, Any]) -> Markdown:
    kind = "best" if weights["kind"] == "best" else "last"
    return Markdown(f"{kind} weights (epoch {weights['epoch']}: {escaped(weights['reason'])})")


def _facts(run: RunFolder) -> dict[str, object]:
    metrics, clips = run.metrics, run.metrics["clips"]
    return {
        "task": metrics["task"],
        "labels": ", ".join(f"{name} ({_told(kind)})" for name, kind in run.targets.items()),
        "model": f"{metrics['model']}" + (f", {metrics['parameters']:,} parameters" if "parameters" in metrics else ""),
        "data": f"{metrics['data']}, features {metrics['features']}",
        "clips": ", ".join(f"{clips[split]} {split}" for split in ("train", "val", "test") if split in clips),
        "seed": metrics["seed"],
        "fold": "none" if metrics.get("fold") is None else metrics["fold"],
        "tested": _weights(metrics["weights"]),
        "decided by": code(metrics["monitor"]),
        **{f"seconds, {part}": f"{value:.1f}" for part, value in (metrics.get("seconds") or {}).items()},
        "configuration": Markdown("[config.yaml](config.yaml)"),
    }


def _told(kind: Target) -> str:
    if isinstance(kind, Tags):
        return f"{len(kind.names)} tags"
    return f"{kind.num_classes} classes" if isinstance(kind, Categorical) else label_range(kind)


def _references(run: RunFolder) -> dict[str, Markdown]:
    """One table a kind of label."""
    tables: dict[str, Markdown] = {}
    for target in run.classes:
        tables[target] = comparison(_scored(run, "classification", "majority"))
    for target in run.tags:
        tables[target] = tag_comparison(_scored(run, "tagging", "frequency of each tag"))
    if run.scales:
        tables["Scales"] = scale_comparison(_scored(run, "regression", "training mean"), list(run.scales))
    return tables


def _scored(run: RunFolder, part: str, constant: str) -> dict[str, Mapping[str, Any]]:
    """Scores of a kind of label by what their row is called; ``constant`` names the answer that is always the same."""
    model, references = run.metrics["model"], run.metrics["references"]
    kernel = references.get("kernel", {}).get(part)  # of scales alone
    rows = {
        bold(model): run.metrics["test"][part],
        "linear, on clip statistics": references["linear"][part],
        **({} if kernel is None else {"kernel ridge, on clip statistics": kernel}),
        constant: references["majority"][part],
    }
    members = run.metrics.get("members") or {}
    rows |= {
        f"member {name}: {found['model']} on {found['features']}": found["test"][part]
        for name, found in members.items()
    }
    val = run.metrics.get("val") or {}
    return rows | ({f"{model}, val": val[part]} if val.get(part) else {})


def _skipped(run: RunFolder) -> list[tuple[str, int]]:
    clips: Mapping[str, Any] = run.metrics["clips"]
    unlabelled = [("without a label", clips["unlabelled"])] if clips.get("unlabelled") else []
    return sorted((clips.get("skipped") or {}).items()) + unlabelled


def _plain(value: object) -> str:
    """A manifest value on one line: mappings as ``name value``, lists as words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "not recorded" if value is None else str(value)
