"""Scores as Markdown tables and phrases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from music_affect.contracts.confusion import HEADLINES
from music_affect.contracts.spec import Continuous
from music_affect.system.plain_text import on_one_line

# What Markdown takes for more than text: emphasis, code, tags, tables, mathematics, links and mentions. Brackets before
# figures are those of intervals, and underlines within words are part of names.
_ACTIVE = re.compile(
    r"[\\`*|~$]|<(?=[A-Za-z/!?])|&(?=#?\w+;)|\[(?![-+]?\d)|(?<=\])[(\[]|(?<!\w)_|_(?!\w)|@(?=\w)"
    r"|(?<=http):|(?<=https):|(?<=ftp):|(?<=www)\.",
    re.IGNORECASE,
)

Scores = Mapping[str, Any]

TITLES = {"f1_macro": "macro F1", "f1_weighted": "weighted F1", "accuracy": "accuracy"}
SCALE_TITLES = {"pearson": "Pearson", "r2": "R²", "ccc": "CCC", "mae": "MAE", "rmse": "RMSE"}
UNKNOWN = "–"
_WIDEST = 4  # scales that still fit side by side on a page, with their intervals


class Markdown(str):
    """Text that is Markdown already, with every name in it escaped."""

    __slots__ = ()


def escaped(text: object) -> Markdown:
    """Text that Markdown shows as it is, on one line."""
    return Markdown(_ACTIVE.sub(r"\\\g<0>", on_one_line(str(text).replace("\n", " "))))


def bold(text: object) -> Markdown:
    """Text in bold letters."""
    return Markdown(f"**{escaped(text)}**")


def code(text: object) -> Markdown:
    """Text in a line of code; its own backticks end nothing."""
    return Markdown(f"`{on_one_line(text).replace('`', chr(39))}`")


def code_block(lines: Iterable[object]) -> Markdown:
    """Lines of code, between fences that none of them can end."""
    shown = [on_one_line(line) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown("\n".join([fence, *shown, fence]))


def render(template: Path, **values: Any) -> str:
    """A Markdown page from its template; whatever it shows is written as ``cell`` writes it.

    Args:
        template: a Jinja2 file; ``code_block``, ``records`` and ``table`` are known to it.
        values: that it shows.
    """
    from jinja2 import Environment, StrictUndefined  # late: figures and alarms do without it

    environment = Environment(undefined=StrictUndefined, finalize=cell, trim_blocks=True, lstrip_blocks=True)
    made = environment.from_string(template.read_text(encoding="utf-8"))
    return made.render(code_block=code_block, records=records, table=table, **values).rstrip("\n") + "\n"


def records(rows: Sequence[Mapping[str, object]]) -> Markdown:
    """A Markdown table of rows by heading, at least one."""
    return table(list(rows[0]), [list(row.values()) for row in rows])


def table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> Markdown:
    """A Markdown table."""
    lines = [[cell(value) for value in header], ["---"] * len(header)]
    lines += [[cell(value) for value in row] for row in rows]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def cell(value: object) -> str:
    """A figure with three decimals, Markdown as it is, anything else as text that cannot break a table."""
    if value is None:
        return UNKNOWN
    if isinstance(value, Markdown):
        return value
    return f"{value:.3f}" if isinstance(value, float) else escaped(value)


def with_interval(figure: Mapping[str, float | None] | None) -> str:
    """``0.612 [0.540, 0.678]``, or what is known of it."""
    value, low, high = ((figure or {}).get(name) for name in ("value", "low", "high"))
    if value is None:
        return UNKNOWN
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def comparison(rows: Mapping[str, Scores]) -> Markdown:
    """Headline figures of a class label with their intervals, one row a model.

    Args:
        rows: ``classification_scores`` by what the row is called.
    """
    return table(
        ["", *(TITLES[name] for name in HEADLINES), "clips"],
        [
            [label, *(with_interval(scores.get(name)) for name in HEADLINES), scores.get("clips")]
            for label, scores in rows.items()
        ],
    )


def tag_comparison(rows: Mapping[str, Scores]) -> Markdown:
    """Macro figures of tags with their intervals, one row a model.

    Args:
        rows: ``tagging_scores`` by what the row is called.
    """
    titles = {"average_precision": "macro average precision", "roc_auc": "macro ROC-AUC"}
    cells = [
        [label, *(with_interval(scores.get(name)) for name in titles), scores.get("scored"), scores.get("clips")]
        for label, scores in rows.items()
    ]
    return table(["", *titles.values(), "tags scored", "clips"], cells)


def tag_report(scores: Scores) -> Markdown:
    """Both figures of every tag and the clips that have it, the most frequent first; unknown where it is not scored."""
    per_tag: Mapping[str, Scores] = scores["per_tag"]
    names = sorted(per_tag, key=lambda name: -int(per_tag[name]["positives"]))
    figures = ("average_precision", "roc_auc", "positives")
    rows = [[name, *(per_tag[name][figure] for figure in figures)] for name in names]
    return table(["tag", "average precision", "ROC-AUC", f"clips of {scores['clips']}"], rows)


def scale_comparison(rows: Mapping[str, Scores], targets: Sequence[str]) -> Markdown:
    """Spearman correlations with their intervals, one row a model; one row a scale where there are many.

    Args:
        rows: ``regression_scores`` by what the row is called.
        targets: the scales.
    """
    lines: list[list[object]] = [["Spearman", *(["mean"] if len(targets) > 1 else []), *targets, "clips"]]
    for label, scores in rows.items():
        lines.append([label, *spearman_figures(scores, targets).values(), scores.get("clips")])
    if len(targets) > _WIDEST:
        lines = [list(column) for column in zip(*lines, strict=True)]
    return table(lines[0], lines[1:])


def spearman_figures(scores: Scores, targets: Sequence[str]) -> dict[str, str]:
    """The Spearman correlation of each scale, before them their mean where there are several, with intervals."""
    by_target: Mapping[str, Scores] = scores.get("by_target", {})
    mean = {"mean": with_interval(scores.get("spearman"))} if len(targets) > 1 else {}
    return mean | {name: with_interval(by_target.get(name, {}).get("spearman")) for name in targets}


def scale_report(scores: Scores, scales: Mapping[str, Continuous]) -> Markdown:
    """Every figure of every scale, with the range of its labels.

    Args:
        scores: ``regression_scores``.
        scales: by name.
    """
    by_target: Mapping[str, Scores] = scores.get("by_target", {})
    rows = []
    for name, kind in scales.items():
        figures = by_target.get(name, {})
        others = [figures.get(key) for key in SCALE_TITLES]
        rows.append([name, with_interval(figures.get("spearman")), *others, figures.get("clips"), label_range(kind)])
    return table(["scale", "Spearman", *SCALE_TITLES.values(), "clips", "labels"], rows)


def label_range(kind: Continuous) -> str:
    """``0 to 1``, or what ends there are."""
    if kind.low is not None and kind.high is not None:
        return f"{kind.low:g} to {kind.high:g}"
    if kind.low is not None:
        return f"{kind.low:g} or more"
    return "without bounds" if kind.high is None else f"{kind.high:g} or less"


def classification_report(scores: Scores) -> Markdown:
    """Precision, recall, F1 and support by class, then their macro and weighted means and the accuracy.

    Macro means run over the classes that have a label, as macro F1 does.
    """
    per_class: Mapping[str, Mapping[str, float]] = scores["per_class"]
    figures = np.array([[float(of[name]) for name in ("precision", "recall", "f1")] for of in per_class.values()])
    support, clips = [int(of["support"]) for of in per_class.values()], scores["clips"]
    means = {
        "macro": figures[np.array(support) > 0].mean(axis=0),
        "weighted": np.average(figures, axis=0, weights=support),
    }
    rows: list[list[object]] = [
        [name, *row, n] for name, row, n in zip(per_class, figures.tolist(), support, strict=True)
    ]
    rows += [[bold(name), *mean.tolist(), clips] for name, mean in means.items()]
    rows.append([bold("accuracy"), "", "", scores["accuracy"]["value"], clips])
    return table(["class", "precision", "recall", "F1", "clips"], rows)
