"""One writer's share of a feature cache: frames, and a journal that vouches for them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError
from music_affect.data.cache.identity import Stamp
from music_affect.data.reader import Answer
from music_affect.data.source import Clip
from music_affect.system.journal import Appender, read_entries

DTYPE = np.float16
FRAMES, JOURNAL = "frames.f16", "journal.jsonl"
RECENT = 256  # entries whose frames are read again: those that a machine may have lost when its power went
_LINE = {
    "id": str,
    "stamp": [int],
    "frames": int,
    "seconds": float,
    "remarks": [str],
    "digest": int,
    "path?": str,
    "reason?": str,
    "detail?": str,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished clip, usable or not.

    Args:
        id: of the clip.
        part: name of the part that holds it.
        stamp: of its file when it was read.
        begin: its first row in the frames.
        frames: its rows; 0 where it cannot be used.
        seconds: of audio.
        remarks: what is worth counting.
        skipped: path, reason and detail where it cannot be used, else None.
        digest: of its frames, the same for identical copies under whatever name; 0 where it cannot be used.
        end: bytes of the journal up to its line.
    """

    id: str
    part: str
    stamp: Stamp
    begin: int
    frames: int
    seconds: float
    remarks: tuple[str, ...]
    skipped: tuple[str, str, str] | None
    digest: int
    end: int


def finished(folder: Path, row_bytes: int) -> Iterator[Entry]:
    """Clips of a part that its journal and its frames agree on, in the order they were written."""
    try:
        stored = (folder / FRAMES).stat().st_size // row_bytes
    except OSError:
        stored = 0
    begin = 0
    for plain, end in read_entries(folder / JOURNAL, _LINE):
        entry = _entry(plain, folder.name, begin, end)
        if entry is None or not entry.begin <= entry.begin + entry.frames <= stored:
            return
        begin += entry.frames
        yield entry


def _entry(plain: dict[str, Any], part: str, begin: int, end: int) -> Entry | None:
    try:
        size, time, place = plain["stamp"]
        skipped = (plain["path"], plain["reason"], plain["detail"]) if "reason" in plain else None
        return Entry(
            id=plain["id"],
            part=part,
            stamp=(size, time, place),
            begin=begin,
            frames=plain["frames"],
            seconds=plain["seconds"],
            remarks=tuple(plain["remarks"]),
            skipped=skipped,
            digest=plain["digest"],
            end=end,
        )
    except (KeyError, TypeError, ValueError):
        return None


class CachePart:
    """A part that is being written. One process at a time; that is for the caller to see to.

    Whatever stands behind the last clip that journal and frames agree on is cut off. Frames are written first and
    their line in the journal second, so a kill costs the clip it came at and nothing else.

    Args:
        folder: of the part.
        num_features: F.
    """

    def __init__(self, folder: Path, num_features: int) -> None:
        self.folder, self._num_features = folder, num_features
        self._row_bytes = num_features * np.dtype(DTYPE).itemsize
        folder.mkdir(parents=True, exist_ok=True)
        kept = list(finished(folder, self._row_bytes))
        kept = kept[: _first_damaged(folder / FRAMES, kept, self._row_bytes)]
        rows = kept[-1].begin + kept[-1].frames if kept else 0
        self._journal = Appender(folder / JOURNAL, kept[-1].end if kept else 0)
        self._frames: BinaryIO = (folder / FRAMES).open("ab")
        self._frames.truncate(rows * self._row_bytes)
        with (folder / JOURNAL).open("ab") as stream:
            stream.truncate(kept[-1].end if kept else 0)

    def append(self, clip: Clip, stamp: Stamp, answer: Answer) -> ClipError | None:
        """Stores a clip, or why it cannot be used; the reason is also the answer."""
        entry = {"id": clip.id, "stamp": list(stamp), "frames": 0, "seconds": 0.0, "remarks": [], "digest": 0}
        reason: ClipError | None = None
        try:
            if isinstance(answer, ClipError):
                raise answer
            content = _checked(answer.values, self._num_features).tobytes()
            self._frames.write(content)
            self._frames.flush()
            entry |= {"frames": len(answer.values), "seconds": round(answer.seconds, 3)}
            entry |= {"remarks": list(answer.remarks), "digest": _digest(content)}
        except ClipError as error:
            entry |= {"path": _text(str(clip.path)), "reason": error.reason, "detail": _text(error.detail)}
            reason = error
        self._journal.append(entry)
        return reason

    def close(self) -> None:
        """Ends writing, with the frames on the disk itself."""
        self._journal.close()
        with self._frames:
            self._frames.flush()
            os.fsync(self._frames.fileno())

    def abandon(self) -> None:
        """Ends writing after it failed; what could not be written whole is cut off by the next one."""
        self._journal.close()
        with suppress(OSError):
            self._frames.close()


def _first_damaged(frames: Path, entries: list[Entry], row_bytes: int) -> int:
    """Number of entries before the first recent one whose frames are not what was written."""
    recent = max(0, len(entries) - RECENT)
    if recent == len(entries):
        return recent
    with frames.open("rb") as stream:
        for place in range(recent, len(entries)):
            entry = entries[place]
            if entry.frames:
                stream.seek(entry.begin * row_bytes)
                if _digest(stream.read(entry.frames * row_bytes)) != entry.digest:
                    return place
    return len(entries)


def _digest(frames: bytes) -> int:
    """64 bits: of a million different clips, two are alike once in 30 million data sets."""
    return int.from_bytes(hashlib.blake2b(frames, digest_size=8).digest(), signed=True)


def _text(words: str) -> str:
    """With what is no valid Unicode in a file's name written as escapes."""
    return words.encode(errors="backslashreplace").decode()


def _checked(features: NDArray[np.float32], num_features: int) -> NDArray[np.float16]:
    """The features as they are stored; float16 ends at 65504."""
    if features.ndim != 2 or features.shape[1] != num_features:
        raise ClipError("wrong shape", f"features {list(features.shape)}, expected [T, {num_features}]")
    if len(features) == 0:
        raise ClipError("empty", "no frames")
    with np.errstate(over="ignore"):
        stored = features.astype(DTYPE)
    unusable = int((~np.isfinite(stored)).sum())
    if unusable:
        raise ClipError("not finite", f"{unusable} values are NaN, infinite or beyond float16")
    return stored
