"""Sends what Weights & Biases has not got of recorded runs. Can be stopped at any moment and started again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from music_affect.errors import ConfigurationError, DataNotFoundError, MusicAffectError
from music_affect.trackers import recordings
from music_affect.trackers.connection import NO_KEY, obstacle
from music_affect.trackers.recordings import Recording
from music_affect.trackers.tracker import Say

_LOCK = "upload.lock"  # inside a recording, while it is uploaded


class UploadError(MusicAffectError):
    """Runs that could not be uploaded; they are where they were."""


def sync(folders: Sequence[Path], say: Say, *, dry_run: bool = False) -> None:
    """Uploads the runs below some folders that were recorded offline, or whose server went away.

    Args:
        folders: run folders, or folders that hold some.
        say: prints a line.
        dry_run: only list them.

    Raises:
        DataNotFoundError: a folder is not there.
        ConfigurationError: there is no key or no network.
        UploadError: some of the runs could not be uploaded.
    """
    _check(folders)
    found = recordings.under(folders)
    waiting = [one for one in found if not one.uploaded]
    say(f"Runs recorded by W&B: {len(found)}. Uploaded: {len(found) - len(waiting)}. To upload: {len(waiting)}.")
    if dry_run:
        for one in waiting:
            say(f"would upload {one.folder}{' once its run has ended' if one.being_written else ''}")
        return
    if waiting:
        _refuse_without_way()
        _upload_all(waiting, say)


def _check(folders: Sequence[Path]) -> None:
    for folder in folders:
        if not folder.is_dir():
            raise DataNotFoundError(
                f"{folder} is no folder", expected="run folders, or folders of them", fix="correct the path"
            )


def _refuse_without_way() -> None:
    reason = obstacle()
    if reason is not None:
        fix = "run `wandb login`" if reason == NO_KEY else "try again with a network; what is recorded stays"
        raise ConfigurationError(reason, expected="a key and a network", fix=fix)


def _upload_all(waiting: Sequence[Recording], say: Say) -> None:
    failed: dict[Path, str] = {}
    for number, one in enumerate(waiting, start=1):
        said, reason = _upload_alone(one)
        say(f"{number}/{len(waiting)} {said} {one.folder}")
        if reason is not None:
            failed[one.folder] = reason
    if failed:
        folder, reason = next(iter(failed.items()))
        raise UploadError(
            f"{len(failed)} of {len(waiting)} runs were not uploaded ({folder.name}: {reason})",
            expected="W&B to take them",
            fix="repeat the command: what is uploaded is not sent again",
        )


def _upload_alone(recording: Recording) -> tuple[str, str | None]:
    """What happened, and the reason where it failed. Another process may be at the same work."""
    try:
        with FileLock(recording.folder / _LOCK, timeout=0):
            if recording.uploaded:
                return "uploaded meanwhile:", None
            if recording.being_written:
                return "left, since its run has not ended:", None
            reason = _upload(recording)
            return ("uploaded" if reason is None else "FAILED"), reason
    except Timeout:
        return "left to the process that is uploading it:", None


def _upload(recording: Recording) -> str | None:
    """Runs ``wandb sync``, whose mark alone says that all has arrived; the reason where it is missing."""
    found = shutil.which("wandb")
    words = ["sync", *([] if recording.offline else ["--include-online"]), str(recording.folder)]
    command = [*([found] if found else [sys.executable, "-m", "wandb"]), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if recording.uploaded:
        return None
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[-1] if lines else f"wandb sync ended with code {done.returncode}"
