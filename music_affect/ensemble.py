"""Average finished runs and pool their folds: ``python -m music_affect.ensemble RUN_FOLDER RUN_FOLDER …``.

Runs that differ in seed or fold alone are one model: averaged clip by clip where they tested the same clips, pooled
where they tested different folds. Runs that differ in anything else are different configurations, and each has a row
of its own; ``--together`` averages these too. The folder of a sweep stands for its finished runs.
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
    parser.add_argument("--together", action="store_true", help="average several configurations as one ensemble")
    arguments = parser.parse_args()
    command_line.reported(lambda: _ensemble(arguments.run_folder, arguments.out, arguments.together))


def _ensemble(folders: Sequence[Path], out: Path | None, together: bool) -> None:
    if out is not None and out.is_file():
        raise RunFolderError(f"--out {out} is a file", expected="a folder", fix="name a folder")
    from music_affect import ensembling

    ensembling.ensemble(folders, out, together)


if __name__ == "__main__":
    main()
