"""Average finished runs and pool their folds: ``python -m music_affect.ensemble RUN_FOLDER RUN_FOLDER …``.

Runs that differ in seed or fold alone are one model: averaged clip by clip where they tested the same clips, pooled
where they tested different folds. Runs that differ in anything else are different configurations, and each has a row
of its own; ``--together`` averages these too. The folder of a sweep stands for its finished runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from music_affect.configuration import command_line
from music_affect.contracts.errors import RunFolderError
from music_affect.contracts.spec import Continuous
from music_affect.data.source import Clip
from music_affect.system import files

if TYPE_CHECKING:
    from music_affect.evaluation.pooling import Pool
    from music_affect.runs.reader import RunFolder


def ensemble(folders: Sequence[Path], out: Path | None, together: bool = False) -> dict[str, Any]:
    """Averages seeds and pools folds of each configuration, and scores each model alone.

    Args:
        folders: finished runs, or folders with runs below them.
        out: where ``scores.json`` and ``predictions.csv`` go, or None.
        together: average several configurations too, as one ensemble of all runs.

    Returns:
        The content of ``scores.json``. Its ``scores`` are those of all runs as one, or None where they have several
        configurations that are not put together; ``members`` are the seeds of one configuration, or the configurations.

    Raises:
        RunFolderError: the runs cannot be put together.
    """
    if out is not None and out.is_file():
        raise RunFolderError(f"--out {out} is a file", expected="a folder", fix="name a folder")
    from music_affect.evaluation.pooling import pool, same_targets
    from music_affect.evaluation.sweep_report.axes import axis_title, find_axes
    from music_affect.runs.reader import read_run

    runs = [read_run(path) for path in _runs(folders)]
    same_targets(runs)
    axes = find_axes(runs)
    members = {name: pool(same) for name, same in (_configurations(runs, axes) if axes else _seeds(runs)).items()}
    whole = pool(runs) if together or not axes else None
    alone = {name: found.scores() for name, found in members.items()}
    content = {
        "synthetic": any(run.synthetic for run in runs),
        "clips": max(len(found.clips) for found in members.values()),
        "runs": [str(run.path) for run in runs],
        "configurations": len(members) if axes else 1,
        "differing": [axis_title(axis) for axis in axes],
        "members": alone,
        "scores": None if whole is None else whole.scores(),
        "alarms": _alarms(runs),
    }
    if out is not None:
        files.write_json(out / "scores.json", content)
        (out / "predictions.csv").unlink(missing_ok=True)  # of an earlier call, whose scores are replaced as well
        if whole is not None:
            _write_predictions(whole, out / "predictions.csv")
    return content


def _runs(folders: Sequence[Path]) -> Iterator[Path]:
    """The runs that are meant: folders as they are given, or the finished ones below a sweep's."""
    from music_affect.runs.reader import DONE, find_runs, is_run

    for folder in folders:
        finished = [] if is_run(folder) else [run.path for run in find_runs(folder) if run.state == DONE]
        yield from finished or [folder]


def _configurations(runs: Sequence[RunFolder], axes: Sequence[str]) -> dict[str, list[RunFolder]]:
    """Runs that differ in seed and fold alone, by the settings that tell them from the others."""
    from music_affect.evaluation.sweep_report.axes import exact
    from music_affect.evaluation.sweep_report.contents import told
    from music_affect.evaluation.sweep_report.spelling import Spelling

    spelling = Spelling(runs)
    found: dict[tuple[str | None, ...], list[RunFolder]] = {}
    for run in runs:
        found.setdefault(tuple(exact(run, axis) for axis in axes), []).append(run)
    return {" · ".join(told(axis, spelling(same[0], axis)) for axis in axes): same for same in found.values()}


def _seeds(runs: Sequence[RunFolder]) -> dict[str, list[RunFolder]]:
    """Runs of one seed, over all folds."""
    found: dict[str, list[RunFolder]] = {}
    for run in runs:
        facts = run.metrics
        found.setdefault(f"{facts['model']} {facts['features']} s{facts['seed']}", []).append(run)
    return found


def _alarms(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Alarms that the runs raised, by name: that of the first run, and how many raised it."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        for alarm in {alarm["name"]: alarm for alarm in run.metrics.get("alarms", [])}.values():
            found.setdefault(alarm["name"], {**alarm, "runs": 0})["runs"] += 1
    return list(found.values())


def print_table(content: Mapping[str, Any]) -> None:
    """Prints a table with a row a member, and what is to be known of it."""
    from rich.table import Table

    from music_affect.system import console

    alone, scores, several = content["members"], content["scores"], content["configurations"] > 1
    out = console.make()
    label = "SYNTHETIC music, " if content["synthetic"] else ""
    whole = {} if scores is None else {f"all {len(alone)}, averaged": scores}
    shown = alone if len(alone) == 1 else {**alone, **whole}
    over = "; ".join(dict.fromkeys(console.intervals_over(found) for found in shown.values()))
    table = Table(title=f"{label}{content['clips']} test clips, {over}", title_justify="left")
    for heading in ("", *console.figures(next(iter(alone.values())))):
        table.add_column(heading)
    for name, found in shown.items():
        table.add_row(name, *console.figures(found).values())
    out.print(table)
    if several:
        counted = f"{len(content['runs'])} runs have {len(alone)} configurations"
        differing = ", ".join(content["differing"])
        advice = "" if whole else " Each stands alone; --together averages them as well."
        out.print(f"{counted}, which differ in {differing}.{advice}")
    for alarm in content["alarms"]:
        raised = f"{alarm['message']} (in {alarm['runs']} of {len(content['runs'])} runs)"
        console.print_alarms(out, [{"name": alarm["name"], "message": raised}])


def _write_predictions(together: Pool, path: Path) -> None:
    """A table like that of a run, all of the test part."""
    from music_affect.runs import predictions

    labels: list[dict[str, str | float]] = [{} for _ in together.clips]
    for name, kind in together.targets.items():
        for own, cell in zip(labels, together.labels[name], strict=True):
            own |= {name: float(cell) if isinstance(kind, Continuous) else cell} if cell else {}
    rows = zip(together.clips, labels, together.groups, strict=True)
    clips = [Clip(name, Path(name), own, group or None) for name, own, group in rows]
    predictions.write(path, {"test": clips}, {"test": together.predictions}, together.targets)


def main() -> None:
    """Entry point of ``music-affect ensemble``."""
    parser = argparse.ArgumentParser(
        prog="music-affect ensemble", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run_folder", type=Path, nargs="+", help="folders of finished runs with the same labels")
    parser.add_argument("--out", type=Path, help="folder for scores.json and predictions.csv; default: only printed")
    parser.add_argument("--together", action="store_true", help="average several configurations as one ensemble")
    arguments = parser.parse_args()
    command_line.reported(lambda: print_table(ensemble(arguments.run_folder, arguments.out, arguments.together)))


if __name__ == "__main__":
    main()
