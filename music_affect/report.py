"""Write the report of a finished run again: ``python -m music_affect.report RUN_FOLDER``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from music_affect.errors import MusicAffectError


def main() -> None:
    """Entry point of ``python -m music_affect.report``."""
    parser = argparse.ArgumentParser(prog="music_affect.report", description=__doc__)
    parser.add_argument("run_folder", type=Path, nargs="+", help="folder of a finished run")
    arguments = parser.parse_args()
    from music_affect.evaluation.run_report import write_report

    try:
        for folder in arguments.run_folder:
            print(write_report(folder))
    except MusicAffectError as error:
        if os.environ.get("MUSIC_AFFECT_TRACEBACK"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
