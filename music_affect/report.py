"""Write the report of a finished run again, or one of all runs below a folder.

A single run gets its ``report.md``. An ``outputs`` or ``multirun`` folder gets ``report.html`` (one page, readable
without a network), ``report.md`` and ``leaderboard.csv``: which configurations may be the best, and which differ.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from music_affect.configuration import command_line
from music_affect.contracts.errors import RunFolderError
from music_affect.system.plain_text import on_one_line


def main() -> None:
    """Entry point of ``music-affect report``."""
    parser = argparse.ArgumentParser(
        prog="music-affect report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="a run, or a folder with runs below it")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="one report of all runs given, written there")
    arguments = parser.parse_args()
    command_line.reported(lambda: _write(arguments.folders, arguments.out))


def _write(folders: Sequence[Path], out: Path | None) -> None:
    for folder in folders:
        if not folder.is_dir():
            raise RunFolderError(
                f"{folder} is no folder",
                expected="the folder of a run or of a sweep",
                fix="correct the path",
            )
    for report in _reports(folders, out):
        print(on_one_line(report))


def _reports(folders: Sequence[Path], out: Path | None) -> list[Path]:
    from music_affect.evaluation.run_report import write_report
    from music_affect.evaluation.sweep_report.sweep_report import write_sweep_report
    from music_affect.runs.reader import is_run

    if out is not None:
        return [write_sweep_report(folders, out)]
    return [write_report(folder) if is_run(folder) else write_sweep_report([folder], folder) for folder in folders]


if __name__ == "__main__":
    main()
