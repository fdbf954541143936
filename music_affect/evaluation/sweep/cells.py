"""The runs below a folder, read leniently: what an older version did not know or a killed run left half is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from music_affect.evaluation import older_runs
from music_affect.evaluation.run_folder import METRICS
from music_affect.evaluation.sweep.lenient import read_json, read_numbers, read_word, read_yaml
from music_affect.evaluation.sweep.plans import own_words, read_plan
from music_affect.plain_text import on_one_line
from music_affect.shapes import mismatch, optional

DONE, FAILED, PRUNED, UNFINISHED, BROKEN = "done", "failed", "pruned", "unfinished", "broken"
UNSCORED, NOT_BEGUN = "not scored", "not begun"
_MARKS = ("status.json", "metrics.json")
_NAMES = ("task", "data", "features", "model")  # groups whose choice has a name in both config.yaml and metrics.json
_TOLD = {name: (shape, None) for name, shape in optional(METRICS).items()}
_PARTS = (("classification", "f1_macro"), ("regression", "spearman"))


@dataclass(frozen=True)
class Cell:
    """One run folder, in whatever state.

    Args:
        path: the folder.
        state: ``done``, ``failed``, ``pruned``, ``unfinished`` (cut off, or still running), ``broken``, ``not scored``
            or ``not begun``.
        reason: why it is not done, one line.
        config: settings by their dotted names.
        metrics: ``metrics.json`` in today's layout, empty unless done.
        manifest: ``manifest.json``, empty where it cannot be read.
        history: ``metrics.csv``, one row an epoch, the numbers that can be read.
        words: of the command line that made this run of a sweep, empty where they were not noted.
    """

    path: Path
    state: str
    reason: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, float]] = ()
    words: Sequence[str] = ()

    @property
    def seed(self) -> Any:
        return self.metrics.get("seed", self.config.get("seed"))

    @property
    def fold(self) -> Any:
        return self.metrics.get("fold", self.config.get("data.fold"))

    @property
    def synthetic(self) -> bool:
        """True where a program made the music, as far as the folder tells."""
        source = f"{self.config.get('data.source._target_', '')} {self.config.get('data.name', '')}"
        return bool(self.metrics.get("synthetic", "synthetic" in source.lower()))

    @property
    def score(self) -> float | None:
        """The figure that decides, on the test clips of this run."""
        found = self.metrics.get("score")
        return float(found) if isinstance(found, int | float) else deciding(self.metrics.get("test"))


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run, finished or not."""
    return any((folder / name).is_file() for name in _MARKS)


def find_cells(folder: Path) -> list[Cell]:
    """Every run in a folder and below it, in the order of their numbers and names."""
    found: dict[Path, Sequence[str]] = {}
    for place, inner, _ in os.walk(folder):
        plan = read_plan(Path(place))
        found |= {Path(place) / name: words for name, words in plan.items()}
        if is_run(Path(place)):
            inner.clear()  # a run holds no runs
            found.setdefault(Path(place), ())
    return [read_cell(path, found[path]) for path in sorted(found, key=_natural)]


def read_cell(path: Path, words: Sequence[str] = ()) -> Cell:
    """One run folder as a cell; nothing in it can stop this.

    Args:
        path: the folder; one that does not exist is a run that was planned and not begun.
        words: of its command line, where a sweep's plan tells them.
    """
    words = words or own_words(path)
    if not is_run(path):
        return Cell(path, NOT_BEGUN, "planned, not begun", _meant(words), words=words)
    status, metrics = read_json(path / "status.json"), read_json(path / "metrics.json")
    settings = read_yaml(path / "config.yaml")
    config = dict(flat(settings)) if isinstance(settings, Mapping) else {}
    for group in _NAMES:
        if group in (metrics or {}):
            config.setdefault(f"{group}.name", (metrics or {})[group])
    state, reason = _state(path, status, metrics)
    manifest = read_json(path / "manifest.json") or {}
    if state != DONE or metrics is None:
        return Cell(path, state, reason, config, manifest=manifest, words=words)
    try:
        metrics = older_runs.convert_metrics(metrics) if older_runs.is_older(metrics) else metrics
    except (TypeError, AttributeError):
        return Cell(path, BROKEN, "metrics.json cannot be used", config, words=words)
    wrong = mismatch(metrics, _TOLD)
    if wrong:
        return Cell(path, BROKEN, on_one_line(f"metrics.json cannot be used: {wrong}"), config, words=words)
    if deciding(metrics.get("test")) is None:
        told = "a debug run" if "debug" in metrics else "metrics.json holds no scores of test clips"
        return Cell(path, UNSCORED, told, config, manifest=manifest, words=words)
    return Cell(path, DONE, "", config, metrics, manifest, list(read_numbers(path / "metrics.csv")), words)


def deciding(scores: Any) -> float | None:
    """Macro F1, mean Spearman, or the mean of both where there are both; None where neither is told."""
    told = scores if isinstance(scores, Mapping) else {}
    figures = [told.get(part, {}).get(name, {}).get("value") for part, name in _PARTS if told.get(part)]
    numbers = [float(value) for value in figures if isinstance(value, int | float)]
    return sum(numbers) / len(numbers) if numbers else None


def flat(content: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their dotted names; a group that was left out is one name without a value."""
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _meant(words: Sequence[str]) -> dict[str, Any]:
    """Settings as the words of a command line tell them; a choice from a group stands for its name."""
    pairs = [word.split("=", 1) for word in words if "=" in word]
    return {f"{key}.name" if key in _NAMES else key: read_word(value) for key, value in pairs}


def _state(path: Path, status: dict[str, Any] | None, metrics: dict[str, Any] | None) -> tuple[str, str]:
    there = (path / "status.json").is_file()
    if there and status is None:
        return BROKEN, "status.json is half-written or no JSON"
    state = (status or metrics or {}).get("state" if there else "status")
    if state in (FAILED, PRUNED):
        return str(state), _first_line((status or metrics or {}).get("reason"))
    if state == DONE and metrics is None:
        missing = not (path / "metrics.json").is_file()
        return BROKEN, "metrics.json is missing" if missing else "metrics.json is half-written or no JSON"
    if state == DONE:
        return DONE, ""
    if metrics is None and not there:
        return BROKEN, "metrics.json is half-written or no JSON"
    return UNFINISHED, "cut off, or still running"


def _first_line(reason: object) -> str:
    lines = [line.strip() for line in str(reason or "").splitlines() if line.strip()]
    return lines[0] if lines else "no reason was recorded"


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts ``2-…`` before ``10-…``."""
    parts = (part.partition("-") for part in path.parts)
    return [(0, int(head), tail) if head.isdigit() else (1, 0, head + tail) for head, _, tail in parts]
