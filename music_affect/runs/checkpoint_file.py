"""Which file a checkpoint is, and whether it can be one: known before anything heavy is imported."""

from __future__ import annotations

from pathlib import Path

from music_affect.contracts.errors import CheckpointError
from music_affect.system import files
from music_affect.system.plain_text import is_word, on_one_line

EXPECTED = "a whole checkpoint of plain tensors and containers"
FIX = "use another checkpoint of the run, or train again"
_PLACE = "a .ckpt file or a finished run folder"


def checkpoint_file(path: Path, setting: str = "checkpoint") -> Path:
    """The file at a path, or the one that a run folder's figures were measured with.

    Args:
        path: of a file or a folder.
        setting: that named it, for the message.

    Raises:
        CheckpointError: there is none, or it is no archive as PyTorch writes them.
    """
    if not path.exists():
        raise CheckpointError(f"nothing at {setting}={path}", expected=_PLACE, fix="correct the path, or train first")
    file = _tested(path) if path.is_dir() else path
    try:
        files.check_archive(file)
    except Exception as error:  # a damaged file raises whatever zip makes of it
        raise unreadable(file, error) from error
    return file


def unreadable(path: Path, error: Exception) -> CheckpointError:
    """The error of ours for a file that cannot be read."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    what = f"{path} cannot be read: it is no checkpoint, or not a whole one ({lines[0][:120]})"
    return CheckpointError(on_one_line(what), expected=EXPECTED, fix=FIX)


def _tested(run_folder: Path) -> Path:
    try:
        file = files.read_object(run_folder / "metrics.json")["weights"]["file"]
        folder, name = Path(file).parts
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"the folder {run_folder} is not a finished run",
            expected=_PLACE,
            fix="give the path of one of the files in its checkpoints/",
        ) from error
    if folder != "checkpoints" or not is_word(name):
        raise CheckpointError(
            on_one_line(f"metrics.json of {run_folder} names {file!r} as its checkpoint"),
            expected="a file in its checkpoints/",
            fix="give the path of one of the files there",
        )
    return run_folder / folder / name
