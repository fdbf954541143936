"""Measuring all clips of a data set: what a file holds is kept until it changes, passing faults are not."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from music_affect.contracts.errors import CRASHED, NO_MEMORY, PASSING, CacheError, ClipError, not_read
from music_affect.data.audit.facts import Facts
from music_affect.data.audit.measurement import AudioMeasurement
from music_affect.data.cache.progress import Progress
from music_affect.data.source import Clip
from music_affect.features.audio.content import require_file
from music_affect.system import compilation, files
from music_affect.system.journal import Journal
from music_affect.system.parallel import in_order, processes_for

log = logging.getLogger(__name__)
Stamp = tuple[int, int]  # size and time of change of a file
_TEXTS, _NUMBERS = (
    ("problem", "detail", "digest", "print"),
    ("seconds", "peak", "clipped", "silent", "rate", "channels"),
)
_LINE = {
    "clip": str,
    "stamp": object,
    "facts": {**{f"{name}?": str for name in _TEXTS}, **{f"{name}?": float for name in _NUMBERS}},
}


class Measurement(Protocol):
    """Turns a clip's file into facts; picklable."""

    def __call__(self, clip: Clip) -> Facts: ...


def survey(clips: Sequence[Clip], measure: Measurement, journal: Path, *, workers: int | None) -> list[Facts]:
    """Facts of all clips, in their order.

    Args:
        clips: of a data set.
        measure: takes the facts of one clip.
        journal: of facts taken earlier, which is gone on with; a second process waits until the first one is done.
        workers: processes; None takes one a core, as far as there is work for them.

    Raises:
        CacheError: the journal cannot be written.
    """
    found = {_name(clip): _stamp(clip.path) for clip in clips}
    with _exclusively(journal), Journal(journal, _LINE) as kept:
        earlier = _of_unchanged(kept.entries, found)
        facts = {name: known for name, known in earlier.items() if known.problem not in PASSING}
        facts |= {name: seen for name, seen in found.items() if isinstance(seen, Facts)}
        remaining = [clip for clip in clips if _name(clip) not in facts]
        if 0 < len(remaining) < len(clips):
            log.info(f"{len(clips) - len(remaining)} of {len(clips)} clips are known from an earlier call.")
        processes = processes_for(len(remaining), workers)
        audio = isinstance(measure, AudioMeasurement)
        if audio and remaining:
            compilation.folder()  # before any progress is shown
        taken = in_order(
            partial(_measured, measure),
            remaining,
            processes,
            _crashed,
            partial(_ended_a_process, earlier),
            compilation.heal if audio else lambda: None,
        )
        problems: Counter[str] = Counter()
        with Progress(len(clips), len(remaining), problems, "Audit") as progress:
            for clip, known in zip(remaining, taken, strict=True):
                facts[_name(clip)] = known
                problems.update([known.problem] if known.problem else [])
                progress.advance()
                _keep(kept, journal, {"clip": _name(clip), "stamp": found[_name(clip)], "facts": known.to_dict()})
    return [facts[_name(clip)] for clip in clips]


def _name(clip: Clip) -> str:
    return str(clip.path) if clip.row is None else f"{clip.path}#{clip.row}"


def _stamp(path: Path) -> Stamp | Facts:
    """Size and time of a file, or what is wrong where there is none that could be read."""
    try:
        status = path.stat()
        require_file(status)
    except (OSError, ValueError, ClipError) as error:
        fault = error if isinstance(error, ClipError) else not_read(error)
        return Facts(fault.reason, fault.detail)
    return status.st_size, status.st_mtime_ns


def _of_unchanged(entries: Sequence[Mapping[str, Any]], found: Mapping[str, Stamp | Facts]) -> dict[str, Facts]:
    """Facts taken of files that have not changed since, the latest of each."""
    facts = {}
    for entry in entries:
        name, stamp = entry.get("clip"), entry.get("stamp")
        if isinstance(stamp, list) and found.get(str(name)) == tuple(stamp):
            facts[str(name)] = Facts.from_dict(entry["facts"])
    return facts


def _keep(kept: Journal, journal: Path, entry: Mapping[str, Any]) -> None:
    try:
        kept.append(entry)
    except OSError as error:
        raise _cannot_write(journal, error) from error


@contextmanager
def _exclusively(journal: Path) -> Iterator[None]:
    busy = f"Another process is auditing the same data ({journal}); waiting for it."
    with ExitStack() as held:
        try:
            held.enter_context(files.held(journal.with_suffix(".lock"), busy))
        except OSError as error:
            raise _cannot_write(journal, error) from error
        yield


def _cannot_write(journal: Path, error: OSError) -> CacheError:
    return CacheError(
        f"the audit's journal {journal} cannot be written ({error.strerror or error})",
        expected="a writable folder with room for it",
        fix="free some space or set paths.cache to another folder, and run the command again; what is done is kept",
    )


def _measured(measure: Measurement, clip: Clip) -> Facts:
    try:
        return measure(clip)
    except MemoryError as error:
        return Facts(NO_MEMORY, str(error) or "reading it needs more memory than there is")


def _ended_a_process(earlier: Mapping[str, Facts], clip: Clip) -> bool:
    return _name(clip) in earlier and earlier[_name(clip)].problem == CRASHED


def _crashed(clip: Clip) -> Facts:
    return Facts(CRASHED, "reading it ended the process")
