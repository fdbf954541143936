"""Write the report of a finished run again: ``python -m music_affect.report RUN_FOLDER``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from music_affect import command_line


def main() -> None:
    """Entry point of ``python -m music_affect.report``."""
    parser = argparse.ArgumentParser(prog="music_affect.report", description=__doc__)
    parser.add_argument("run_folder", type=Path, nargs="+", help="folder of a finished run")
    arguments = parser.parse_args()
    command_line.reported(lambda: _write(arguments.run_folder))


def _write(folders: Sequence[Path]) -> None:
    from music_affect.evaluation.run_report import write_report

    for folder in folders:
        print(write_report(folder))


if __name__ == "__main__":
    main()
