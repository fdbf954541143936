"""What Weights & Biases leaves in run folders: a folder for each time that a run was started."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from music_affect import files

_NAME = re.compile(r"(offline-)?run-(\d{8}_\d{6})-.+")
_SYNCED = ".wandb.synced"  # beside the recorded file, left by `wandb sync`
_SENT = "sent.mark"  # ours, where all was sent while the run was there


@dataclass(frozen=True)
class Recording:
    """One start of a run, as it was recorded.

    Args:
        folder: ``<run folder>/wandb/offline-run-<time>-<id>``, without ``offline-`` where a server was reached.
        offline: no server was reached.
        started: when, as it can be sorted.
        id: of the run; starts of the same run share it.
    """

    folder: Path
    offline: bool
    started: tuple[str, int]
    id: str

    @property
    def run_folder(self) -> Path:
        return self.folder.parent.parent

    @property
    def uploaded(self) -> bool:
        """Nothing is left to do: all was sent while it ran, or since."""
        return any((self.folder / mark).is_file() for mark in (_SENT, f"run-{self.id}{_SYNCED}"))

    @property
    def being_written(self) -> bool:
        """A process works in the run folder."""
        return files.locked(self.run_folder / ".lock")


def mark_sent(folder: Path) -> None:
    """Notes in the folder of a recording that the server has all of it."""
    (folder / _SENT).touch()


def of_run(run_folder: Path) -> list[Recording]:
    """Recordings of a run, the earliest first."""
    found = [_recording(path) for path in (run_folder / "wandb").glob("*run-*")]
    return sorted((one for one in found if one is not None), key=lambda one: one.started)


def under(folders: Sequence[Path]) -> list[Recording]:
    """The recording that counts of every run below some folders, or of the run that a folder belongs to.

    A run that is resumed records its earlier epochs again, so its newest recording holds all of it.
    """
    runs = dict.fromkeys(run.resolve() for folder in folders for run in _run_folders(folder))
    newest = [{one.id: one for one in of_run(run)} for run in runs]
    return [one for by_id in newest for one in by_id.values()]


def _run_folders(folder: Path) -> Iterator[Path]:
    if _NAME.fullmatch(folder.name):
        yield folder.parent.parent
    elif folder.name == "wandb":
        yield folder.parent
    else:
        yield from sorted(path.parent for path in folder.rglob("wandb") if path.is_dir())


def _recording(path: Path) -> Recording | None:
    match, recorded = _NAME.fullmatch(path.name), sorted(path.glob("run-*.wandb"))
    if match is None or not recorded:
        return None
    # Of two starts within a second, the folder of the later one ends on a number.
    return Recording(path, bool(match[1]), (match[2], len(path.name)), recorded[0].stem.removeprefix("run-"))
