"""A finished run, read back from its folder alone: no model, no data, so that runs of older code can be read too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from music_affect import files
from music_affect.errors import RunFolderError
from music_affect.evaluation import older_runs
from music_affect.plain_text import on_one_line
from music_affect.shapes import mismatch
from music_affect.spec import TARGET, Categorical, Continuous, Target, target_from_dict

_NUMBER = (float, None)
_SCORE = {"value": _NUMBER, "low?": _NUMBER, "high?": _NUMBER}
_FIGURE = (_SCORE, None)
_CLASS = {"precision": float, "recall": float, "f1": float, "support": int}
_CLASSES = {
    "clips?": int,
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
    **{f"{name}?": _NUMBER for name in ("pearson", "r2", "ccc", "mae", "rmse")},
}
_SCALES = {"clips?": int, "spearman": _SCORE, "by_target": {str: _SCALE}}
_SCORES = {"classification?": _CLASSES, "regression?": _SCALES}
METRICS = {  # what is read of it, here and by all who take a run
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
    "alarms?": [{"name": str, "message": str}],
    "test": _SCORES,
    "val?": (_SCORES, None),
    "references": {"majority": _SCORES, "linear": _SCORES},
}
_NEEDED = ("task", "targets", "model", "data", "features", "seed", "monitor", "weights", "clips")
_SCORED = ("test", "references/majority", "references/linear")
_FILES = ("metrics.json", "metrics.csv", "predictions.csv", "manifest.json", "config.yaml")


@dataclass(frozen=True)
class RunFolder:
    """What a finished run left behind.

    Args:
        path: the folder.
        metrics: ``metrics.json``, that of an older run in today's layout.
        targets: the labels that were predicted, by name.
        manifest: ``manifest.json``.
        history: ``metrics.csv``, one row an epoch, empty cells as None.
        predictions: ``predictions.csv``, one row a clip, as text.
    """

    path: Path
    metrics: Mapping[str, Any]
    targets: Mapping[str, Target]
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

    @property
    def classes(self) -> dict[str, Categorical]:
        """Those of the labels that are classes: at most one."""
        return {name: kind for name, kind in self.targets.items() if isinstance(kind, Categorical)}

    @property
    def scales(self) -> dict[str, Continuous]:
        """Those of the labels that are scales."""
        return {name: kind for name, kind in self.targets.items() if isinstance(kind, Continuous)}

    def labelled(self, target: str) -> list[dict[str, str]]:
        """Predictions of the test clips that carry a label."""
        return [row for row in self.predictions if row["split"] == "test" and row[target] != ""]


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
            on_one_line(f"the run in {path} has the status '{str(status)[:40]}'"),
            expected="a finished run, status 'done'",
            fix="look at its log and traceback, then resume it or start it afresh",
        )
    older = older_runs.is_older(metrics)
    metrics = older_runs.convert_metrics(metrics) if older else metrics
    missing, wrong = _missing(metrics), mismatch(metrics, METRICS)
    if missing or wrong:
        what = f"lacks {', '.join(missing)}" if missing else f"cannot be used ({wrong})"
        raise _broken(path / "metrics.json", what, "the metrics of a run that was tested")
    history = [_numbers(path / "metrics.csv", row) for row in _read_csv(path / "metrics.csv", ["epoch"])]
    targets = {name: target_from_dict(plain) for name, plain in metrics["targets"].items()}
    predictions = _predictions(path / "predictions.csv", targets, older)
    return RunFolder(path, metrics, targets, _read_json(path / "manifest.json"), history, predictions)


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


def _missing(metrics: Mapping[str, Any]) -> list[str]:
    """What a report needs and ``metrics`` lacks: for each kind of label, scores of the model and the references."""
    found = metrics.get("targets")
    targets = found.values() if isinstance(found, Mapping) else ()
    kinds = [plain.get("kind") for plain in targets if isinstance(plain, Mapping)]
    parts = [part for kind, part in (("categorical", "classification"), ("continuous", "regression")) if kind in kinds]
    scored = [f"{scores}/{part}" for scores in _SCORED for part in parts] or list(_SCORED)
    return [place for place in (*_NEEDED, *scored) if not _holds(metrics, place)] or ([] if parts else ["labels"])


def _holds(metrics: Mapping[str, Any], place: str) -> bool:
    inner: Any = metrics
    for key in place.split("/"):
        if not isinstance(inner, Mapping) or key not in inner:
            return False
        inner = inner[key]
    return True


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = files.read_json(path)
    except ValueError as error:  # undecodable text and broken json alike
        raise _broken(path, f"cannot be read ({error})", "a whole json file") from error
    if not isinstance(content, dict):
        raise _broken(path, f"holds a {type(content).__name__}", "a json object")
    return content


def _read_csv(path: Path, columns: list[str]) -> list[dict[str, str]]:
    try:
        header, rows = files.read_table(path)
    except ValueError as error:
        raise _broken(path, f"cannot be read ({error})", "a table in UTF-8, as many cells as columns") from error
    missing = [name for name in columns if name not in header]
    if missing:
        raise _broken(path, f"has no column {', '.join(missing)}", f"the columns {', '.join(columns)}")
    return rows


def _predictions(path: Path, targets: Mapping[str, Target], older: bool) -> list[dict[str, str]]:
    columns = ["id", "split"]
    for name, kind in targets.items():
        columns += [name, older_runs.PREDICTED if older else f"predicted {name}"]
        columns += _probabilities(kind)
    rows = _read_csv(path, columns)
    if older:
        rows = [older_runs.convert_row(row, next(iter(targets))) for row in rows]
    for name, kind in targets.items():
        _check_answers(path, rows, name, kind)
    return rows


def _check_answers(path: Path, rows: list[dict[str, str]], name: str, kind: Target) -> None:
    """Every clip has a prediction; predicted classes exist; probabilities, and both values on a scale, are numbers."""
    answer = f"predicted {name}"
    needed = [answer, *_probabilities(kind)]
    for row in rows:
        if not all(row[column] for column in needed):
            raise _broken(path, f"has no prediction of {name} for clip {row['id']}", "a prediction for every clip")
        if isinstance(kind, Categorical):
            for word, told in (("predicts", row[answer]), ("has the label", row[name] or row[answer])):
                if told not in kind.classes:
                    raise _broken(path, f"{word} {told!r}", f"one of {', '.join(kind.classes)}")
        figures = (name, answer) if isinstance(kind, Continuous) else needed[1:]
        numbers = _numbers(path, {column: row[column] for column in figures})
        if not all(math.isfinite(value) for value in numbers.values() if value is not None):
            raise _broken(path, f"has no finite prediction of {name} for clip {row['id']}", "numbers")


def _probabilities(kind: Target) -> list[str]:
    return [f"p({name})" for name in kind.classes] if isinstance(kind, Categorical) else []


def _numbers(path: Path, row: Mapping[str, str]) -> dict[str, float | None]:
    try:
        return {name: float(cell) if cell else None for name, cell in row.items()}
    except ValueError as error:
        raise _broken(path, f"holds something other than numbers ({error})", "numbers or empty cells") from error


def _broken(path: Path, what: str, expected: str) -> RunFolderError:
    found = on_one_line(f"{path} {what}")
    return RunFolderError(found, expected=on_one_line(expected), fix="resume the run or start it afresh")
