"""A finished run, read back from its folder alone: no model, no data, so that runs of older code can be read too."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from music_affect.errors import RunFolderError

_NEEDED = ("task", "target", "classes", "model", "data", "features", "seed", "monitor", "weights", "clips", "test")
_FILES = ("metrics.json", "metrics.csv", "predictions.csv", "manifest.json", "config.yaml")


@dataclass(frozen=True)
class RunFolder:
    """What a finished classification run left behind.

    Args:
        path: the folder.
        metrics: ``metrics.json``.
        manifest: ``manifest.json``.
        history: ``metrics.csv``, one row an epoch, empty cells as None.
        predictions: ``predictions.csv``, one row a clip, as text.
    """

    path: Path
    metrics: Mapping[str, Any]
    manifest: Mapping[str, Any]
    history: list[dict[str, float | None]]
    predictions: list[dict[str, str]]

    @property
    def name(self) -> str:
        """Task and folder name, which say what ran."""
        return f"{self.metrics['task']} / {self.path.resolve().name}"

    @property
    def synthetic(self) -> bool:
        """True where the music was made by a program."""
        return bool(self.metrics.get("synthetic", False))


def read_run(path: Path) -> RunFolder:
    """Read the folder of a finished run.

    Args:
        path: the run folder.

    Raises:
        RunFolderError: the folder is not a run, the run failed or has not finished, or a file is missing or broken.
    """
    _check_files(path)
    metrics = _read_json(path / "metrics.json")
    status = metrics.get("status", "unknown")
    if status != "done":
        raise RunFolderError(
            f"the run in {path} has the status '{status}'",
            expected="a finished run, status 'done'",
            fix="look at its log and traceback, then resume it or start it afresh",
        )
    missing = [name for name in _NEEDED if name not in metrics]
    missing += [f"references/{name}" for name in ("majority", "linear") if name not in metrics.get("references", {})]
    if missing:
        raise _broken(path / "metrics.json", f"lacks {', '.join(missing)}", "the metrics of a classification run")
    predictions = _predictions(path / "predictions.csv", metrics["target"], metrics["classes"])
    history = [_numbers(path / "metrics.csv", row) for row in _read_csv(path / "metrics.csv", ["epoch"])]
    return RunFolder(path, metrics, _read_json(path / "manifest.json"), history, predictions)


def _check_files(path: Path) -> None:
    missing = [name for name in _FILES if not (path / name).is_file()]
    if not missing:
        return
    if len(missing) == len(_FILES):
        raise RunFolderError(
            f"{path} holds no run",
            expected=f"a folder with {', '.join(_FILES)}",
            fix="give the folder that a training run named at its end",
        )
    raise RunFolderError(
        f"{path} lacks {', '.join(missing)}",
        expected="a finished run",
        fix="wait until the run has ended; if it was cut short, resume it or start it afresh",
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # undecodable text and broken json alike
        raise _broken(path, f"cannot be read ({error})", "a whole json file") from error
    if not isinstance(content, dict):
        raise _broken(path, f"holds a {type(content).__name__}", "a json object")
    return content


def _read_csv(path: Path, columns: list[str]) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
        missing = [name for name in columns if name not in (reader.fieldnames or [])]
    if missing:
        raise _broken(path, f"has no column {', '.join(missing)}", f"the columns {', '.join(columns)}")
    if any(None in row or None in row.values() for row in rows):
        raise _broken(path, "has a row whose cells do not match the header", "as many cells as columns in every row")
    return rows


def _predictions(path: Path, target: str, classes: list[str]) -> list[dict[str, str]]:
    probabilities = [f"p({name})" for name in classes]
    rows = _read_csv(path, ["id", "split", target, "predicted", *probabilities])
    for row in rows:
        _numbers(path, {name: row[name] for name in probabilities})
    unknown = sorted({row["predicted"] for row in rows} - set(classes))
    if unknown:
        raise _broken(path, f"predicts {', '.join(map(repr, unknown))}", f"one of {', '.join(classes)}")
    return rows


def _numbers(path: Path, row: Mapping[str, str]) -> dict[str, float | None]:
    try:
        return {name: float(cell) if cell else None for name, cell in row.items()}
    except ValueError as error:
        raise _broken(path, f"holds something other than numbers ({error})", "numbers or empty cells") from error


def _broken(path: Path, what: str, expected: str) -> RunFolderError:
    return RunFolderError(f"{path} {what}", expected=expected, fix="resume the run or start it afresh")
