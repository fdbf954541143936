"""Every error a user can cause, each with what was found, what was expected and the way out.

An entry point prints the message of a ``MusicAffectError`` as one line and exits with code 1; the traceback comes
with ``MUSIC_AFFECT_TRACEBACK=1``. Anything else that is raised is a defect of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable


class MusicAffectError(Exception):
    """Base of all user-facing errors.

    Args:
        found: what is there, a clause without a full stop.
        expected: what should be there.
        fix: what the user can do now.

    Attributes:
        state: of a run that ends with this error.
    """

    state = "failed"

    def __init__(self, found: str, *, expected: str, fix: str) -> None:
        self.found, self.expected, self.fix = found, expected, fix
        super().__init__(f"{found}; expected {expected}; {fix}.")

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling between worker processes.
        return _rebuild, (type(self), self.found, self.expected, self.fix)


def _rebuild(kind: type[MusicAffectError], found: str, expected: str, fix: str) -> MusicAffectError:
    return kind(found, expected=expected, fix=fix)


class ConfigurationError(MusicAffectError):
    """A setting that does not exist or cannot work."""


class DataNotFoundError(MusicAffectError):
    """The data is not where it was looked for."""


class LabelError(MusicAffectError):
    """A label file that cannot be read as labels."""


class TaskMismatchError(MusicAffectError):
    """A task that needs labels which the data does not carry."""


class SplitError(MusicAffectError):
    """A split that cannot be made."""


class CacheError(MusicAffectError):
    """A feature cache that cannot be used or written."""


class RunFolderError(MusicAffectError):
    """A run folder that is in use, finished, or not a run."""


class CheckpointError(MusicAffectError):
    """A checkpoint that is broken or does not fit."""


class TrainingError(MusicAffectError):
    """A training run that cannot give a usable model."""


class InstallationError(MusicAffectError):
    """An installed library that does not work on this machine."""


MISSING, NOT_AUDIO = "missing", "not audio"
UNREADABLE_NOW, NO_MEMORY, CRASHED, CRASHED_AGAIN = (
    "not readable now",
    "no memory",
    "crashed the reader",
    "crashed the reader again",  # in the next run, too
)
CRASHES = frozenset({CRASHED, CRASHED_AGAIN})
PASSING = frozenset({UNREADABLE_NOW, NO_MEMORY, *CRASHES})  # reasons that may lie outside the file
_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)  # what the system answers where no such file can be


class ClipError(Exception):
    """One clip that cannot be used. It is listed in the skip report; it never ends a run.

    Args:
        reason: one word or two for counting: ``missing``, ``not audio``, ``unreadable``, ``truncated``, ``too short``,
            ``too long``, ``empty``, ``silent``, ``not finite``, ``wrong shape``, or one of ``PASSING``.
        detail: what was seen, for the person who looks into it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(reason, detail)

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


def not_read(error: Exception, detail: str | None = None) -> ClipError:
    """What is wrong with a clip in whose file reading ended with an exception.

    Args:
        error: of the system, which may pass, or of a decoder, which means the file's content.
        detail: what was seen; None for the error's own words.
    """
    if isinstance(error, OSError) and error.errno in _NOWHERE:
        return ClipError(MISSING, "no such file, or a link that leads nowhere")
    # EINVAL is a seek to where no file has bytes; gzip's complaints are OSErrors without a number.
    passing = isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)
    return ClipError(UNREADABLE_NOW if passing else "unreadable", detail or str(error))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``", did you mean 'x'?"`` for the nearest known word in any case, or an empty string where none is near."""
    spelled = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), list(spelled), n=1, cutoff=0.6)
    return f", did you mean '{spelled[near[0]]}'?" if near else ""
