"""What a machine can refuse to any program, as one line: room on a disk, memory, the right to write."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from music_affect.contracts.errors import MusicAffectError
from music_affect.system.plain_text import on_one_line


class MachineError(MusicAffectError):
    """The machine could not do what was asked of it; another time or place may do."""


class FullDiskError(MachineError):
    """No room on a disk. A run that met it is cut off, not failed: with room again it goes on."""

    state = "running"


_ROOM = (
    FullDiskError,
    "a disk with room for it",
    "make room, and run the same command again (a run: with resume=true)",
)
_RIGHT = (MachineError, "a file and a folder that this user may use", "change its rights, or name another place")
_OUT_OF_MEMORY = (
    MachineError,
    "enough for the data and the network",
    "close other programs, or lower loader.batch_size, loader.in_memory_gb or workers",
)
_BY_NUMBER = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _ROOM),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _RIGHT),
    errno.ENOMEM: _OUT_OF_MEMORY,
}
_ALLOCATORS = ("can't allocate memory", "not enough memory", "out of memory")  # of PyTorch, on the CPU and on GPUs


@contextmanager
def explained() -> Iterator[None]:
    """Tells what the machine refused in the block as an error of ours; anything else stays as it is.

    Raises:
        MachineError: in place of the error of Python or of a library.
    """
    try:
        yield
    except Exception as error:
        told = explanation(error)
        if told is None:
            raise
        raise told from error


def explanation(error: BaseException) -> MachineError | None:
    """The error of ours that stands for one of the system, or None where it is something else."""
    if isinstance(error, OSError) and error.errno in _BY_NUMBER:
        kind, expected, fix = _BY_NUMBER[error.errno]
        place = os.fspath(error.filename) if isinstance(error.filename, str | os.PathLike) else "a file"
        return kind(f"{place} cannot be used ({error.strerror})", expected=expected, fix=fix)
    reason = str(error).lower()
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(w in reason for w in _ALLOCATORS)):
        kind, expected, fix = _OUT_OF_MEMORY
        said = " ".join(str(error).split())[:120] or type(error).__name__
        return kind(f"the memory is used up ({said})", expected=expected, fix=fix)
    return None


@contextmanager
def blamed_on(what: object, kind: type[MusicAffectError], *, expected: str, fix: str) -> Iterator[None]:
    """Whatever fails in the block fails for the content of a file, whose values may be anything at all.

    Args:
        what: the file.
        kind: of the error that is raised instead; one of our own passes, and what the machine refused is told as that.
        expected: what should be in the file.
        fix: what the user can do now.
    """
    try:
        yield
    except MusicAffectError:
        raise
    except Exception as error:  # each class answers a value without a meaning in its own way
        if told := explanation(error):
            raise told from error
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise kind(on_one_line(f"{what} does not fit together ({reason})"), expected=expected, fix=fix) from error
