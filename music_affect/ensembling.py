"""An ensemble of finished runs: scored beside its members, printed, written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from music_affect import console, files
from music_affect.evaluation.pooling import Pool, pool
from music_affect.spec import Categorical


def ensemble(folders: Sequence[Path], out: Path | None) -> dict[str, Any]:
    """Averages runs, pools folds, and says what each model scores alone.

    Args:
        folders: finished runs.
        out: where ``scores.json`` and ``predictions.csv`` go, or None.

    Returns:
        The content of ``scores.json``.

    Raises:
        RunFolderError: the runs cannot be put together.
    """
    together = pool(folders)
    alone = {name: pool(paths).scores() for name, paths in _members(together).items()}
    scores = together.scores()
    content = {
        "synthetic": together.synthetic,
        "clips": len(together.clips),
        "runs": [str(run.path) for run in together.runs],
        "members": alone,
        "scores": scores,
    }
    _print(together, alone, scores)
    if out is not None:
        files.write_json(out / "scores.json", content)
        _write_predictions(together, out / "predictions.csv")
    return content


def _members(together: Pool) -> dict[str, list[Path]]:
    """Runs of one model, features and seed, over all folds."""
    found: dict[str, list[Path]] = {}
    for run in together.runs:
        facts = run.metrics
        tag = f" {suffix}" if (suffix := _tag(run.path.name)) else ""
        found.setdefault(f"{facts['model']} {facts['features']} s{facts['seed']}{tag}", []).append(run.path)
    return found


def _tag(folder: str) -> str:
    """What a run folder's name says after seed and fold."""
    words = folder.split("-")
    last = max((place for place, word in enumerate(words) if word[:1] in "sf" and word[1:].isdigit()), default=-1)
    return "-".join(words[last + 1 :]) if last >= 0 else ""


def _print(together: Pool, alone: dict[str, dict[str, Any]], scores: dict[str, Any]) -> None:
    label = "SYNTHETIC music, " if together.synthetic else ""
    table = Table(title=f"{label}{len(together.clips)} test clips, 95 % intervals over clips", title_justify="left")
    for heading in ("", *console.figures(scores)):
        table.add_column(heading)
    rows = {**alone, f"all {len(alone)}, averaged": scores} if len(alone) > 1 else alone
    for name, found in rows.items():
        table.add_row(name, *console.figures(found).values())
    console.make().print(table)


def _write_predictions(together: Pool, path: Path) -> None:
    header, columns = ["id"], [list(together.clips)]
    for name, kind in together.targets.items():
        found = together.predictions[name]
        header += [name, f"predicted {name}"]
        if isinstance(kind, Categorical):
            header += [f"p({label})" for label in kind.classes]
            chosen = [kind.classes[int(row.argmax())] for row in found]
            columns += [together.labels[name], chosen, *([f"{value:.6f}" for value in column] for column in found.T)]
        else:
            columns += [together.labels[name], [f"{value:.6f}" for value in found]]
    files.write_csv(path, header, list(zip(*columns, strict=True)))
