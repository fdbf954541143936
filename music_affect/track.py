"""Upload recorded runs, and build the dashboard: ``python -m music_affect.track sync`` or ``… track dashboard``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf

from music_affect.configuration import command_line
from music_affect.configuration import compose as configuration
from music_affect.contracts.errors import DataNotFoundError, MusicAffectError
from music_affect.system import files


class UploadError(MusicAffectError):
    """Runs that could not be uploaded; they are where they were."""


def main() -> None:
    """Entry point of ``music-affect track``."""
    arguments = _parser().parse_args()
    try:
        command_line.reported(lambda: _run(arguments))
    except KeyboardInterrupt:
        print("Interrupted; what was uploaded is kept. Run the same command to go on.", file=sys.stderr)
        sys.exit(130)


def _run(arguments: argparse.Namespace) -> None:
    if arguments.job == "sync":
        _sync(arguments.folder or _usual_folders(), arguments.dry_run)
    else:
        _dashboard(arguments.entity, arguments.project, arguments.dry_run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="music-affect track", description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    sync = jobs.add_parser("sync", help="upload to W&B what it has not got; stopped, it goes on when repeated")
    sync.add_argument("folder", type=Path, nargs="*", help="run folders or folders of them; default: outputs, multirun")
    sync.add_argument("--dry-run", action="store_true", help="only list what would be uploaded")
    dashboard = jobs.add_parser("dashboard", help="make a workspace in W&B for the sweeps of this project")
    dashboard.add_argument("--entity", required=True, help="person or team in W&B")
    dashboard.add_argument("--project", help="default: that of logger=wandb")
    dashboard.add_argument("--dry-run", action="store_true", help="only print its description, as JSON")
    return parser


def _sync(folders: Sequence[Path], dry_run: bool) -> None:
    """Gives ``wandb sync`` what lies in run folders, but for runs that are still being written."""
    for folder in folders:
        if not folder.is_dir():
            raise DataNotFoundError(
                f"{folder} is no folder", expected="run folders, or folders of them", fix="correct the path"
            )
    found = sorted({file.resolve() for folder in folders for file in folder.rglob("run-*.wandb")})
    ended = [file for file in found if not files.locked(file.parents[2] / ".lock")]
    print(f"Runs recorded by W&B: {len(found)}. Still running, and left: {len(found) - len(ended)}.", flush=True)
    waiting = [file for file in ended if not _is_uploaded(file)]
    command = [sys.executable, "-m", "wandb", "sync", "--include-online", *["--dry-run"] * dry_run, *map(str, waiting)]
    if waiting:
        subprocess.run(command, check=False)
    if not dry_run and not all(map(_is_uploaded, waiting)):
        raise UploadError(
            f"W&B has not taken all of {len(waiting)} runs",
            expected="a key and a network",
            fix="run `wandb login` where there is no key, and repeat the command: what is uploaded is not sent again",
        )


def _is_uploaded(file: Path) -> bool:
    return file.with_suffix(".wandb.synced").exists()


def _usual_folders() -> list[Path]:
    """Where runs and sweeps are written, as far as there are any."""
    paths = OmegaConf.load(configuration.conf_folder() / "paths" / "default.yaml")
    return [folder for folder in (Path(paths.outputs), Path(paths.sweeps).expanduser()) if folder.is_dir()]


def _dashboard(entity: str, project: str | None, dry_run: bool) -> None:
    from music_affect.training.loggers.dashboard import specification

    conf = configuration.conf_folder()
    monitors = [_monitor(path) for path in sorted((conf / "task").glob("*.yaml"))]
    project = project or str(OmegaConf.load(conf / "logger" / "wandb.yaml").wandb.project)
    described = specification(entity, project, [monitor for monitor in monitors if monitor])
    if dry_run:
        print(json.dumps(described, indent=2, ensure_ascii=False))
        return
    from music_affect.training.loggers.workspace import save

    print(f"Dashboard: {save(described)}")


def _monitor(path: Path) -> str | None:
    found = OmegaConf.select(OmegaConf.load(path), "monitor")
    return None if found is None else str(found)


if __name__ == "__main__":
    main()
