"""Average finished runs and pool their folds: ``python -m music_affect.ensemble RUN_FOLDER RUN_FOLDER …``.

Runs that tested the same clips are averaged, clip by clip; runs on different folds are pooled. Five folds of one model
give its cross-validated score; five folds of several models give that of their ensemble.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from music_affect import command_line
from music_affect.errors import RunFolderError


def main() -> None:
    """Entry point of ``python -m music_affect.ensemble``."""
    parser = argparse.ArgumentParser(
        prog="music_affect.ensemble", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run_folder", type=Path, nargs="+", help="folders of finished runs with the same labels")
    parser.add_argument("--out", type=Path, help="folder for scores.json and predictions.csv; default: only printed")
    arguments = parser.parse_args()
    command_line.reported(lambda: _ensemble(arguments.run_folder, arguments.out))


def _ensemble(folders: Sequence[Path], out: Path | None) -> None:
    if out is not None and out.is_file():
        raise RunFolderError(f"--out {out} is a file", expected="a folder", fix="name a folder")
    from music_affect import ensembling

    ensembling.ensemble(folders, out)


if __name__ == "__main__":
    main()
