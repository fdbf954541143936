"""Model × features × data: the highest score of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from music_affect.evaluation.sweep_report.axes import TEST
from music_affect.evaluation.sweep_report.contents import Section

Column = tuple[str, ...]


@dataclass(frozen=True)
class Matrix:
    """Scores over models and inputs.

    Args:
        models: rows.
        columns: features and data, and how they were tested where that varies.
        scores: the highest of the configurations there, by row and column; None where no run of that place has one.
        several: configurations that share a place, the largest number.
    """

    models: Sequence[str]
    columns: Sequence[Column]
    scores: Mapping[tuple[str, Column], float | None]
    several: int

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest score."""
        known = [score for score in self.scores.values() if score is not None]
        return min(known), max(known)

    def heading(self, column: Column) -> str:
        """Features, and of the rest what varies."""
        first, *others = zip(column, zip(*self.columns, strict=True), strict=True)
        return " · ".join([first[0], *(name for name, names in others if len(set(names)) > 1)])

    @property
    def header(self) -> list[str]:
        """Of the matrix as a table."""
        return ["", *(self.heading(column) for column in self.columns)]

    @property
    def lines(self) -> list[list[str | float | None]]:
        """The matrix as a table: a model and its scores, None where no run was meant."""
        told = {place: "no score" if score is None else score for place, score in self.scores.items()}
        return [[model, *(told.get((model, column)) for column in self.columns)] for model in self.models]

    def shade(self, score: float) -> float:
        """Where a score lies between the smallest, 0, and the largest, 1."""
        low, high = self.range
        return (score - low) / (high - low) if high > low else 0.5


def matrix_of(sections: Sequence[Section]) -> Matrix | None:
    """The matrix of one task, or None where it would have one place only.

    Args:
        sections: of one task, one a music.
    """
    scores: dict[tuple[str, Column], float | None] = {}
    counts: dict[tuple[str, Column], int] = {}
    names = ["features.name", "data.name", *([TEST] if any(TEST in section.axes for section in sections) else [])]
    for section in sections:
        for row in section.rows:
            place = row.settings["model.name"], tuple(row.settings[name] for name in names)
            before = scores.get(place)
            scores[place] = row.score if before is None else max(before, row.score)
            counts[place] = counts.get(place, 0) + 1
        for run in section.undone:
            model, *column = (section.spelling(run, name) for name in ("model.name", *names))
            scores.setdefault((model, tuple(column)), None)
    models = _by_best(scores)
    columns = sorted({column for _, column in scores}, key=lambda column: column[::-1])
    return Matrix(models, columns, scores, max(counts.values())) if len(scores) > 1 else None


def _by_best(scores: Mapping[tuple[str, Column], float | None]) -> list[str]:
    best: dict[str, float] = {}
    for (model, _), score in scores.items():
        best[model] = max(best.get(model, float("-inf")), float("-inf") if score is None else score)
    return sorted(best, key=lambda name: (-best[name], name))
