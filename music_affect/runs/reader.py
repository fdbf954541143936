"""The one reader of run folders: no model and no data is needed, and whatever stands in a folder can be listed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from music_affect.contracts.errors import RunFolderError
from music_affect.contracts.shapes import flat, mismatch
from music_affect.contracts.spec import Categorical, Continuous, Tags, Target, target_from_dict
from music_affect.runs.files import FILES, check_metrics, read_history, read_object, read_predictions
from music_affect.runs.predictions import reference_file
from music_affect.system import files
from music_affect.system.plain_text import is_word, on_one_line

DONE, FAILED, PRUNED, UNFINISHED, BROKEN = "done", "failed", "pruned", "unfinished", "broken"
UNSCORED, NOT_BEGUN = "not scored", "not begun"
_MARKS = ("status.json", "metrics.json")
_GROUPS = ("task", "data", "features", "model")  # their choice has a name in both config.yaml and metrics.json
_PLANNED = {"folder": str, "words": [str]}
_WORDS = Path(".hydra") / "overrides.yaml"


_DECIDING = (("classification", "f1_macro"), ("regression", "spearman"), ("tagging", "average_precision"))


@dataclass(frozen=True)
class RunFolder:
    """One run folder, in whatever state.

    Args:
        path: the folder.
        state: ``done``, ``failed``, ``pruned``, ``unfinished`` (cut off, or still running), ``broken``, ``not scored``
            or ``not begun``.
        reason: why the run is not done, one line.
        config: settings by their dotted names, empty where ``config.yaml`` cannot be read.
        metrics: ``metrics.json``, checked; empty unless done.
        manifest: ``manifest.json``, empty where it cannot be read.
        words: of the command line that made this run of a sweep, empty where they were not noted.
    """

    path: Path
    state: str
    reason: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    words: Sequence[str] = ()

    @cached_property
    def targets(self) -> dict[str, Target]:
        """The labels that were predicted, by name."""
        return {name: target_from_dict(plain) for name, plain in self.metrics.get("targets", {}).items()}

    @cached_property
    def history(self) -> list[dict[str, float | None]]:
        """``metrics.csv``, one row an epoch, empty cells as None; a broken file raises ``RunFolderError``."""
        return read_history(self.path / "metrics.csv")

    @cached_property
    def predictions(self) -> list[dict[str, str]]:
        """``predictions.csv``, one row a clip, as text; a broken file raises ``RunFolderError``."""
        return read_predictions(self.path / "predictions.csv", self.targets)

    def reference(self, name: str) -> list[dict[str, str]]:
        """What a reference answered for the test clips, like ``predictions``; no file raises ``RunFolderError`` too."""
        return read_predictions(self.path / reference_file(name), self.targets)

    @property
    def name(self) -> str:
        """Task and folder name, which say what ran."""
        return f"{self.metrics['task']} / {self.path.resolve().name}"

    @property
    def synthetic(self) -> bool:
        """True where a program made the music, as far as the folder tells."""
        source = f"{self.config.get('data.source._target_', '')} {self.config.get('data.name', '')}"
        return bool(self.metrics.get("synthetic", "synthetic" in source.lower()))

    @property
    def classes(self) -> dict[str, Categorical]:
        """Those of the labels that are classes: at most one."""
        return {name: kind for name, kind in self.targets.items() if isinstance(kind, Categorical)}

    @property
    def tags(self) -> dict[str, Tags]:
        """Those of the labels that are tags: at most one."""
        return {name: kind for name, kind in self.targets.items() if isinstance(kind, Tags)}

    @property
    def scales(self) -> dict[str, Continuous]:
        """Those of the labels that are scales."""
        return {name: kind for name, kind in self.targets.items() if isinstance(kind, Continuous)}

    @property
    def seed(self) -> Any:
        return self.metrics.get("seed", self.config.get("seed"))

    @property
    def fold(self) -> Any:
        return self.metrics.get("fold", self.config.get("data.fold"))

    @property
    def score(self) -> float | None:
        """The figure that decides, on the test clips of this run."""
        found = self.metrics.get("score")
        return deciding(self.metrics.get("test")) if found is None else float(found)

    def labelled(self, target: str) -> list[dict[str, str]]:
        """Predictions of the test clips that carry a label."""
        return [row for row in self.predictions if row["split"] == "test" and row[target] != ""]


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run, finished or not."""
    return any((folder / name).is_file() for name in _MARKS)


def read_run(path: Path) -> RunFolder:
    """A finished run, all of whose files can be read.

    Args:
        path: the run folder.

    Raises:
        RunFolderError: the folder is not a run, the run failed or has not finished, or a file is missing or broken.
    """
    _check_files(path)
    metrics, manifest = read_object(path / "metrics.json"), read_object(path / "manifest.json")
    status = metrics.get("status", "unknown")  # status.json says so later, when the report has been written as well
    if status != DONE:
        raise RunFolderError(
            on_one_line(f"the run in {path} has the status '{str(status)[:40]}'"),
            expected="a finished run, status 'done'",
            fix="look at its log and traceback, then resume it or start it afresh",
        )
    check_metrics(path / "metrics.json", metrics)
    run = RunFolder(path, DONE, "", _config(path, metrics), metrics, manifest, _own_words(path))
    assert run.history is not None  # both are read here, so that a broken file is found at once
    assert run.predictions is not None
    return run


def find_runs(folder: Path) -> list[RunFolder]:
    """Every run in a folder and below it, in the order of their names; what a sweep planned and has not begun too."""
    found: dict[Path, Sequence[str]] = {}
    for place, inner, _ in os.walk(folder):
        found |= {Path(place) / name: words for name, words in _plan(Path(place)).items()}
        if is_run(Path(place)):
            inner.clear()  # a run holds no runs
            found.setdefault(Path(place), ())
    return [find_run(path, found[path]) for path in sorted(found)]


def find_run(path: Path, words: Sequence[str] = ()) -> RunFolder:
    """One run folder; nothing in it can stop this.

    Args:
        path: the folder; one that does not exist is a run that was planned and not begun.
        words: of its command line, where a sweep's plan tells them.
    """
    words = words or _own_words(path)
    if not is_run(path):
        return RunFolder(path, NOT_BEGUN, "planned, not begun", _meant(words), words=words)
    metrics = _lenient(path / "metrics.json")
    (state, reason), config = _state(path, metrics), _config(path, metrics)
    checked = metrics if state == DONE else {}
    return RunFolder(path, state, on_one_line(reason), config, checked, _lenient(path / "manifest.json"), words)


def _check_files(path: Path) -> None:
    missing = [name for name in FILES if not (path / name).is_file()]
    if len(missing) == len(FILES):
        raise RunFolderError(
            f"{path} holds no run",
            expected=f"a folder with {', '.join(FILES)}",
            fix="give the folder that a training run named at its end",
        )
    if missing:
        raise RunFolderError(
            f"{path} lacks {', '.join(missing)}",
            expected="a finished run",
            fix="wait until the run has ended; if it was cut short, resume it or start it afresh",
        )


def _state(path: Path, metrics: Mapping[str, Any]) -> tuple[str, str]:
    """State and the reason for it."""
    try:
        noted = path / "status.json"
        recorded = read_object(noted) if noted.is_file() else {**metrics, "state": metrics.get("status")}
        state = recorded.get("state")
        if state in (FAILED, PRUNED):
            lines = [line.strip() for line in str(recorded.get("reason") or "").splitlines() if line.strip()]
            return str(state), lines[0] if lines else "no reason was recorded"
        if state == DONE or not noted.is_file():
            read_object(path / "metrics.json")
        if state != DONE:
            return UNFINISHED, "cut off, or still running"
        if "debug" in metrics:
            return UNSCORED, "a debug run"
        check_metrics(path / "metrics.json", metrics)
    except RunFolderError as error:
        return BROKEN, error.found.removeprefix(f"{path}{os.sep}")
    return DONE, ""


def _config(path: Path, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their dotted names; the names of the groups also from metrics, where the file cannot be read."""
    settings = _read_yaml(path / "config.yaml")
    named = {f"{group}.name": metrics[group] for group in _GROUPS if group in metrics}
    return named | (flat(settings) if isinstance(settings, Mapping) else {})


def _plan(folder: Path) -> dict[str, Sequence[str]]:
    """Words of the runs that a sweep meant, by the names of their folders; nothing where there is no plan."""
    found = _lenient(folder / "sweep.json")
    rows = [] if mismatch(found, {"cells": list}) else found["cells"]
    return {row["folder"]: row["words"] for row in rows if not mismatch(row, _PLANNED) and is_word(row["folder"])}


def _own_words(folder: Path) -> list[str]:
    """Words that Hydra noted in a run's own folder, where it did."""
    found = _read_yaml(folder / _WORDS)
    return [str(word) for word in found] if isinstance(found, list) else []


def _meant(words: Sequence[str]) -> dict[str, Any]:
    """Settings as the words of a command line tell them; a choice from a group stands for its name."""
    pairs = [word.split("=", 1) for word in words if "=" in word]
    return {f"{key}.name" if key in _GROUPS else key: _value(value) for key, value in pairs}


def _value(text: str) -> Any:
    """A value as it stands on a command line: a number, a list, nothing; else the word itself."""
    try:
        found = files.parse_yaml(text)
        return float(found) if isinstance(found, str) else found  # YAML takes 1e-4 for a word
    except ValueError:
        return text


def _lenient(path: Path) -> dict[str, Any]:
    try:
        return read_object(path)
    except RunFolderError:
        return {}


def _read_yaml(path: Path) -> Any:
    try:
        return files.read_yaml(path)
    except (OSError, ValueError):
        return None


def deciding(scores: Mapping[str, Any] | None) -> float | None:
    """Macro F1, mean Spearman, macro average precision of tags, or their mean; None where none is known.

    Args:
        scores: ``classification``, ``regression`` and ``tagging``, each where there is such a label.
    """
    figures = [((scores or {}).get(part) or {}).get(name, {}).get("value") for part, name in _DECIDING]
    numbers = [float(value) for value in figures if value is not None]
    return sum(numbers) / len(numbers) if numbers else None
