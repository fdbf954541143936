"""The report of a sweep: one page, the same as Markdown, and the figures as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from music_affect.contracts.errors import RunFolderError
from music_affect.evaluation.sweep_report.columns import record
from music_affect.evaluation.sweep_report.contents import Contents, gather
from music_affect.evaluation.sweep_report.page import markdown, page
from music_affect.runs.reader import find_runs
from music_affect.system.files import write_csv, write_text


def write_sweep_report(folders: Sequence[Path], out: Path) -> Path:
    """Write ``report.html``, ``report.md`` and ``leaderboard.csv``.

    Args:
        folders: with runs in them or below them; all of them go into one report.
        out: where the report is written.

    Returns:
        Path of the page.

    Raises:
        RunFolderError: there is no run, or ``out`` cannot be written.
    """
    runs = [run for folder in folders for run in find_runs(folder)]
    if not runs:
        raise RunFolderError(
            f"no run in {' or '.join(map(str, folders))}",
            expected="a run folder, or one with runs below it (status.json, metrics.json)",
            fix="give the folder of a run or of a sweep, such as outputs or multirun",
        )
    contents = gather(", ".join(folder.resolve().name for folder in folders), runs)
    try:
        write_text(out / "report.md", markdown(contents))
        _write_leaderboard(contents, out / "leaderboard.csv")
        write_text(out / "report.html", page(contents))
    except OSError as error:
        raise RunFolderError(
            f"the report cannot be written into {out} ({error.strerror})",
            expected="a folder that can be written",
            fix="choose another with --out FOLDER",
        ) from error
    return out / "report.html"


def _write_leaderboard(contents: Contents, path: Path) -> None:
    axes = list(contents.axes) or ["model.name"]
    records = [record(section, row, axes) for section in contents.sections for row in section.rows]
    header = list(dict.fromkeys(name for found in records for name in found)) or ["table", "rank", "score"]
    write_csv(path, header, [[found.get(name) for name in header] for found in records])
