"""Scores as Markdown tables and phrases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from music_affect.evaluation.scores import HEADLINES

Scores = Mapping[str, Any]

TITLES = {"f1_macro": "macro F1", "f1_weighted": "weighted F1", "accuracy": "accuracy"}


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *([cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: object) -> str:
    """Text that cannot break a table: a figure with three decimals, anything else with its bars escaped."""
    return f"{value:.3f}" if isinstance(value, float) else str(value).replace("|", "\\|").replace("\n", " ")


def with_interval(figure: Mapping[str, float]) -> str:
    """``0.612 [0.540, 0.678]``."""
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def comparison(rows: Mapping[str, Scores]) -> str:
    """Headline figures with their intervals, one row a model.

    Args:
        rows: scores by what the row is called.
    """
    return table(
        ["", *(TITLES[name] for name in HEADLINES), "clips"],
        [
            [label, *(with_interval(scores[name]) for name in HEADLINES), scores["clips"]]
            for label, scores in rows.items()
        ],
    )


def classification_report(scores: Scores) -> str:
    """Precision, recall, F1 and support by class, then their macro and weighted means and the accuracy.

    Macro means run over the classes that occur among the labels or the predictions, as macro F1 does.
    """
    per_class: Mapping[str, Mapping[str, float]] = scores["per_class"]
    predicted = [sum(column) for column in zip(*scores["confusion"], strict=True)]
    occurring = [
        figures for figures, count in zip(per_class.values(), predicted, strict=True) if count or figures["support"]
    ]
    clips = scores["clips"]
    rows: list[list[object]] = [[name, *_three(figures), figures["support"]] for name, figures in per_class.items()]
    rows.append(["**macro**", *_mean(occurring, [1.0] * len(occurring)), clips])
    rows.append(["**weighted**", *_mean(occurring, [figures["support"] for figures in occurring]), clips])
    rows.append(["**accuracy**", "", "", scores["accuracy"]["value"], clips])
    return table(["class", "precision", "recall", "F1", "clips"], rows)


def _three(figures: Mapping[str, float]) -> list[float]:
    return [float(figures[name]) for name in ("precision", "recall", "f1")]


def _mean(classes: Sequence[Mapping[str, float]], weights: Sequence[float]) -> list[float]:
    columns = zip(*(_three(figures) for figures in classes), strict=True)
    return [sum(w * value for w, value in zip(weights, column, strict=True)) / sum(weights) for column in columns]
