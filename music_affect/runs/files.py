"""What the files of a run folder hold, checked before anything is taken from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from music_affect.contracts.errors import RunFolderError
from music_affect.contracts.shapes import mismatch
from music_affect.contracts.spec import TARGET, Categorical, Continuous, Target
from music_affect.system import files
from music_affect.system.plain_text import on_one_line

FILES = ("metrics.json", "metrics.csv", "predictions.csv", "manifest.json", "config.yaml")

_NUMBER = (float, None)
_SCORE = {"value": _NUMBER, "low?": _NUMBER, "high?": _NUMBER}
_FIGURE = (_SCORE, None)
_CLASS = {"precision": float, "recall": float, "f1": float, "support": int}
_INTERVALS = {"over": str, "count": int, "seeds": int}
_CALIBRATION = {
    "brier?": float,
    "ece?": {"value": float, "calibrated": float, "limit": float},
    "reliability?": [{"confidence": float, "accuracy": float, "clips": int}],
}
_CLASSES = {
    **_CALIBRATION,
    "clips?": int,
    "intervals?": _INTERVALS,
    "f1_macro": _SCORE,
    "accuracy?": _FIGURE,
    "f1_weighted?": _FIGURE,
    "per_class?": {str: _CLASS},
    "confusion?": [[int]],
    "target?": str,
}
_SCALE = {
    "clips?": int,
    "spearman?": _FIGURE,
    **{f"{name}?": _NUMBER for name in ("pearson", "r2", "ccc", "mae", "rmse", "slope", "spread")},
    "conformal?": {"half_width": _NUMBER, "coverage": _NUMBER, "from": str},
}
_SCALES = {"clips?": int, "intervals?": _INTERVALS, "spearman": _SCORE, "by_target": {str: _SCALE}}
_TAGS = {
    "clips?": int,
    "intervals?": _INTERVALS,
    "average_precision": _SCORE,
    "roc_auc?": _FIGURE,
    "scored": int,
    "per_tag?": {str: {"average_precision": _NUMBER, "roc_auc": _NUMBER, "positives": int}},
    "target?": str,
}
_SCORES = {"classification?": _CLASSES, "regression?": _SCALES, "tagging?": _TAGS}
_METRICS = {
    "task": str,
    "targets": {str: TARGET},
    "model": str,
    "data": str,
    "features": str,
    "seed": int,
    "fold?": (int, None),
    "monitor": str,
    "synthetic?": bool,
    "weights": {"kind": str, "epoch": int, "reason": str, "file?": str},
    "clips": {"test": int, "train?": int, "val?": int, "unlabelled?": int, "skipped?": ({str: int}, None)},
    "parameters?": int,
    "seconds?": ({str: float}, None),
    "score?": _NUMBER,
    "start?": ({str: (str, float, [str], None)}, None),
    "weighting?": ({str: float}, None),
    "members?": ({str: {"model": str, "features": str, "test": _SCORES}}, None),
    "alarms?": [{"name": str, "message": str}],
    "test": _SCORES,
    "val?": (_SCORES, None),
    "references": {"majority": _SCORES, "linear": _SCORES, "kernel?": _SCORES},
}
# where the scores of each kind of label stand
_PARTS = {"categorical": "classification", "continuous": "regression", "tags": "tagging"}


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        RunFolderError: the file is missing, half-written or holds something else.
    """
    try:
        content = files.read_json(path)
    except OSError as error:
        raise _broken(path, f"cannot be read ({error.strerror})", "a whole json file") from error
    except ValueError as error:  # undecodable text and broken json alike
        raise _broken(path, f"cannot be read ({error})", "a whole json file") from error
    if not isinstance(content, dict):
        raise _broken(path, f"holds a {type(content).__name__}", "a json object")
    return content


def check_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Refuses metrics that lack something a report needs, or hold something of another kind.

    Each kind of label needs scores of the model, the majority and the linear reference.

    Raises:
        RunFolderError: with the first thing that is missing or wrong.
    """
    wrong = mismatch(metrics, _METRICS)
    if not wrong:
        scores = {_PARTS[label["kind"]]: dict for label in metrics["targets"].values()}
        wrong = mismatch(metrics, {"test": scores, "references": {"majority": scores, "linear": scores}})
        wrong = wrong if scores else "there is no label"
    if wrong:
        raise _broken(path, f"cannot be used ({wrong})", "the metrics of a run that was tested")


def read_history(path: Path) -> list[dict[str, float | None]]:
    """``metrics.csv``, one row an epoch, empty cells as None.

    Raises:
        RunFolderError: the file is broken, or holds something other than numbers.
    """
    return [_numbers(path, row) for row in _read_csv(path, ["epoch"])]


def read_predictions(path: Path, targets: Mapping[str, Target]) -> list[dict[str, str]]:
    """``predictions.csv``, one row a clip, as text.

    Raises:
        RunFolderError: the file is broken, or a clip has no prediction of one of the labels.
    """
    columns = [column for name, kind in targets.items() for column in (name, *_answers(name, kind))]
    rows = _read_csv(path, ["id", "split", "group", *columns])
    for name, kind in targets.items():
        for row in rows:
            _check_answer(path, row, name, kind)
    return rows


def _read_csv(path: Path, columns: list[str]) -> list[dict[str, str]]:
    try:
        header, rows = files.read_table(path)
    except (OSError, ValueError) as error:
        raise _broken(path, f"cannot be read ({error})", "a table in UTF-8, as many cells as columns") from error
    missing = [name for name in columns if name not in header]
    if missing:
        raise _broken(path, f"has no column {', '.join(missing)}", f"the columns {', '.join(columns)}")
    return rows


def _check_answer(path: Path, row: Mapping[str, str], name: str, kind: Target) -> None:
    """A clip has a prediction; a predicted class exists; probabilities, and both values on a scale, are numbers."""
    answer, *probabilities = _answers(name, kind)
    if not all(row[column] for column in (answer, *probabilities)):
        raise _broken(path, f"has no prediction of {name} for clip {row['id']}", "a prediction for every clip")
    if isinstance(kind, Categorical):
        for word, label in (("predicts", row[answer]), ("has the label", row[name] or row[answer])):
            if label not in kind.classes:
                raise _broken(path, f"{word} {label!r}", f"one of {', '.join(kind.classes)}")
    figures = (name, answer) if isinstance(kind, Continuous) else probabilities
    numbers = _numbers(path, {column: row[column] for column in figures})
    if not all(math.isfinite(value) for value in numbers.values() if value is not None):
        raise _broken(path, f"has no finite prediction of {name} for clip {row['id']}", "numbers")


def _answers(name: str, kind: Target) -> list[str]:
    """The columns of a label's predictions, the answer itself first."""
    return [f"predicted {name}", *(f"p({outcome})" for outcome in kind.outcomes)]


def _numbers(path: Path, row: Mapping[str, str]) -> dict[str, float | None]:
    try:
        return {name: float(cell) if cell else None for name, cell in row.items()}
    except ValueError as error:
        raise _broken(path, f"holds something other than numbers ({error})", "numbers or empty cells") from error


def _broken(path: Path, what: str, expected: str) -> RunFolderError:
    found = on_one_line(f"{path} {what}")
    return RunFolderError(found, expected=on_one_line(expected), fix="resume the run or start it afresh")
