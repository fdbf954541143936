"""Building a feature cache: in several processes, resumable after a kill, safe when two builders meet."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from music_affect import files
from music_affect.data.cache import DTYPE, FeatureCache, Identity, Reader, RowReader, Skip, describe_skips
from music_affect.data.source import Clip
from music_affect.errors import CacheError, ClipError
from music_affect.parallel import in_order, processes_for

Say = Callable[[str], None]


def open_or_build(
    folder: Path, clips: Sequence[Clip], reader: Reader, *, workers: int | None, say: Say
) -> FeatureCache:
    """The cache of these clips, built first where it is missing, unfinished or stale.

    A second process that wants the same cache waits until the first one is done.

    Args:
        folder: of the cache.
        clips: stored in the order of their ids, so that a table with its rows shuffled names the same cache.
        reader: makes the features of a clip.
        workers: processes; None takes one a core, as far as there is work for them.
        say: receives lines for the console.

    Raises:
        CacheError: the cache cannot be written.
    """
    identity = Identity.of(clips, reader)
    try:
        if FeatureCache.unusable(folder, identity):
            folder.mkdir(parents=True, exist_ok=True)
            with _exclusively(folder, say):
                reason = FeatureCache.unusable(folder, identity)
                if reason:
                    if "stale" in reason or "broken" in reason or "bytes" in reason:
                        say(f"Feature cache {folder} is not used: {reason}. Extracting again.")
                    _Build(folder, clips, reader, identity).run(processes_for(len(clips), workers), say)
        cache = FeatureCache(folder, identity)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    if cache.skipped:
        say(describe_skips(cache.skipped, len(clips), folder / "skipped.csv"))
    return cache


def _cannot_write(folder: Path, error: OSError) -> CacheError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return CacheError(
        f"the feature cache {folder} cannot be written ({error.strerror or error})",
        expected="a folder with room for it" if full else "a writable folder",
        fix=(
            "free some space and run the command again; finished clips are kept"
            if full
            else "set paths.cache or the environment variable MUSIC_AFFECT_CACHE to another one"
        ),
    )


@contextmanager
def _exclusively(folder: Path, say: Say) -> Iterator[None]:
    lock = FileLock(folder / "build.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"Another process is building {folder}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Build:
    """One build, from where the last one stopped."""

    def __init__(self, folder: Path, clips: Sequence[Clip], reader: Reader, identity: Identity) -> None:
        self._folder, self._reader, self._identity = folder, reader, identity
        self._clips = sorted(clips, key=lambda clip: clip.id)  # the journal of an earlier build had the same order
        self._row_bytes = identity.num_features * np.dtype(DTYPE).itemsize
        self._frames, self._journal = folder / "frames.f16", folder / "journal.jsonl"

    def run(self, processes: int, say: Say) -> None:
        entries = self._resume()
        if entries:
            say(f"Continuing an interrupted extraction: {len(entries)} of {len(self._clips)} clips are done.")
        remaining = self._clips[len(entries) :]
        with self._frames.open("ab") as frames, self._journal.open("ab") as journal:
            results = in_order(_Read(self._reader), remaining, processes, _crashed)
            for clip, result in zip(remaining, _with_progress(results, len(remaining), len(entries)), strict=True):
                entries.append(self._append(clip, result, frames, journal))
        self._finish(entries)

    def _resume(self) -> list[dict[str, Any]]:
        """Journal of finished clips; whatever was written after the last complete entry is cut off."""
        identity = self._folder / "identity.json"
        if not identity.is_file() or self._differs(identity):
            for stale in (self._folder / "index.npz", self._journal, self._frames):
                stale.unlink(missing_ok=True)
            files.write_json(identity, self._identity.to_dict())
        (self._folder / "index.npz").unlink(missing_ok=True)
        entries, end = self._valid_entries()
        for path, size in ((self._frames, sum(e["frames"] for e in entries) * self._row_bytes), (self._journal, end)):
            with path.open("ab") as stream:
                stream.truncate(size)
        return entries

    def _differs(self, identity: Path) -> bool:
        try:
            return self._identity.difference(files.read_json(identity)) is not None
        except (ValueError, KeyError, TypeError, AttributeError):
            return True

    def _valid_entries(self) -> tuple[list[dict[str, Any]], int]:
        entries: list[dict[str, Any]] = []
        end = rows = 0
        stored = self._frames.stat().st_size // self._row_bytes if self._frames.is_file() else 0
        for line in self._journal.read_bytes().splitlines(keepends=True) if self._journal.is_file() else []:
            try:
                entry = json.loads(line) if line.endswith(b"\n") else {}
                rows += entry["frames"]
            except (ValueError, KeyError, TypeError):
                break
            if rows > stored:
                break
            entries.append(entry)
            end += len(line)
        return entries, end

    def _append(self, clip: Clip, result: _Result, frames: BinaryIO, journal: BinaryIO) -> dict[str, Any]:
        """Frames first, journal second: an entry in the journal vouches for its frames."""
        entry: dict[str, Any] = {"id": clip.id, "frames": 0}
        try:
            if isinstance(result, ClipError):
                raise result
            features = _checked(result, self._identity.num_features)
            frames.write(features.tobytes())
            frames.flush()
            entry["frames"] = len(features)
        except ClipError as error:
            entry.update(path=str(clip.path), reason=error.reason, detail=error.detail)
        journal.write(json.dumps(entry).encode() + b"\n")
        journal.flush()
        return entry

    def _finish(self, entries: list[dict[str, Any]]) -> None:
        used = [entry for entry in entries if "reason" not in entry]
        skipped = [entry for entry in entries if "reason" in entry]
        rows = [[entry["id"], entry["path"], entry["reason"], entry["detail"]] for entry in skipped]
        files.write_csv(self._folder / "skipped.csv", list(Skip.__dataclass_fields__), rows)
        offsets = np.concatenate([[0], np.cumsum([entry["frames"] for entry in used])]).astype(np.int64)
        ids = np.array([entry["id"] for entry in used], dtype=np.str_)
        with files.atomic_path(self._folder / "index.npz") as temporary:
            np.savez(temporary, ids=ids, offsets=offsets)


_Result = NDArray[np.float32] | ClipError


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


class _Read:
    """Reads a clip; what is wrong with it is an answer, not an exception."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __call__(self, clip: Clip) -> _Result:
        try:
            if clip.row is None:
                return self._reader(clip.path)
            return cast(RowReader, self._reader)(clip.path, clip.row)
        except ClipError as error:
            return error


def _crashed(clip: Clip) -> _Result:
    return ClipError("unreadable", "reading it ended the process")


def _with_progress(results: Iterator[_Result], total: int, done: int) -> Iterator[_Result]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    progress = Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=Console(file=sys.stderr))
    with progress:
        bar = progress.add_task("Features", total=done + total, completed=done)
        for result in results:
            yield result
            progress.advance(bar)
