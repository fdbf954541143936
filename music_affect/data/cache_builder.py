"""Building feature caches: several kinds in one pass, in several processes, resumable, side by side with others."""

from __future__ import annotations

import errno
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from music_affect import files
from music_affect.data import cache_index
from music_affect.data.build_lock import EVERYTHING, exclusively, locked
from music_affect.data.build_progress import Progress
from music_affect.data.cache import IDENTITY, FeatureCache, describe_skips, examine, unlike
from music_affect.data.cache_index import INDEX, PARTS
from music_affect.data.cache_part import FRAMES, JOURNAL, CachePart, Entry
from music_affect.data.identity import Identity, stamps_of
from music_affect.data.reader import Answer, Description, Extract
from music_affect.data.source import Clip
from music_affect.errors import CacheError, ClipError
from music_affect.parallel import in_order, processes_for

INDEX_LOCK = "index.lock"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Share:
    """One of several equal shares of the clips, chosen by their ids.

    Args:
        number: of this share, from 0.
        of: how many there are; 1 is everything.
    """

    number: int = 0
    of: int = 1

    @property
    def part(self) -> str:
        """Name of the part of the cache that it writes."""
        return EVERYTHING if self.of == 1 else f"shard-{self.number}-of-{self.of}"

    def holds(self, name: str) -> bool:
        """Whether the clip of this id belongs to it."""
        return self.of == 1 or int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % self.of == self.number


@dataclass
class Account:
    """What a build did.

    Args:
        clips: in its share.
        made: clips that were read and can be used.
        skipped: clips that were read and cannot be used, by reason.
        audio_seconds: of the clips that were made.
        seconds: that it took.
    """

    clips: int
    made: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    audio_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def present(self) -> int:
        """Clips that were finished before."""
        return self.clips - self.made - self.skipped.total()


def open_or_build(
    folder: Path, clips: Sequence[Clip], kind: Description, extract: Extract, *, workers: int | None, say: Say
) -> FeatureCache:
    """The cache of these clips, built first where something is missing.

    Args:
        folder: of the cache.
        clips: in any order.
        kind: of features.
        extract: makes them.
        workers: processes; None takes one a core, as far as there is work for them.
        say: receives lines for the console.

    Raises:
        CacheError: the cache cannot be written.
    """
    identity = Identity.of(clips, kind)
    if isinstance(examine(folder, identity), str):
        build([(folder, kind)], clips, extract, workers=workers, say=say)
    cache = FeatureCache(folder, identity)
    if cache.skipped:
        say(describe_skips(cache.skipped, len(clips), folder / cache_index.SKIPPED))
    return cache


def build(
    kinds: Sequence[tuple[Path, Description]],
    clips: Sequence[Clip],
    extract: Extract,
    *,
    workers: int | None,
    say: Say,
    share: Share = Share(),
    retry: bool = False,
) -> Account:
    """Makes what is missing in the caches of several kinds of features, in one pass over the clips.

    A file is read once for all kinds that lack it. Another process that writes the same part is waited for; one that
    writes another share works on beside this one.

    Args:
        kinds: folder of the cache, and what describes its features; ``extract`` knows them by their places.
        clips: in any order; stored in that of their ids.
        extract: makes the features.
        workers: processes; None takes one a core, as far as there is work for them.
        say: receives lines for the console.
        share: of the clips that is made here.
        retry: read clips again that could not be used, though their files are the same.

    Raises:
        CacheError: a cache cannot be written.
    """
    ordered = sorted(clips, key=lambda clip: clip.id)
    stamps = stamps_of(ordered)
    identities = [Identity.sharing(stamps, ordered, reader) for _, reader in kinds]
    folders = [folder for folder, _ in kinds]
    mine = [place for place, clip in enumerate(ordered) if share.holds(clip.id)]
    began = time.perf_counter()
    try:
        with exclusively(folders, share.part, say):
            for folder, identity in zip(folders, identities, strict=True):
                with locked(folder / INDEX_LOCK, say):
                    _adopt(folder, identity, say)
            work = _Work(folders, identities, ordered, mine, share.part, retry)
            work.announce(say)
            account = work.run(extract, processes_for(len(work.missing), workers), say)
    except OSError as error:
        raise _cannot_write(folders[0].parent, error) from error
    account.seconds = time.perf_counter() - began
    return account


def _adopt(folder: Path, identity: Identity, say: Say) -> None:
    """Makes the folder one of these features; what was made otherwise is removed."""
    reason = unlike(folder, identity)
    if reason is None:
        return
    for path in [
        folder / INDEX,
        folder / FRAMES,
        folder / JOURNAL,
        *(folder / PARTS).glob("*/*"),
    ]:  # the older layout too
        if path.suffix != ".lock":
            path.unlink(missing_ok=True)
    if (folder / IDENTITY).exists():
        say(f"Feature cache {folder} is not used: {reason}. Extracting again.")
    files.write_json(folder / IDENTITY, identity.to_dict())


class _Work:
    """What has to be read, and where it goes."""

    def __init__(
        self,
        folders: Sequence[Path],
        identities: Sequence[Identity],
        clips: Sequence[Clip],
        mine: Sequence[int],
        part: str,
        retry: bool,
    ) -> None:
        self._folders, self._identities, self._clips, self._part = folders, identities, clips, part
        self._stamps: NDArray[np.int64] = identities[0].stamps
        self._count = len(mine)
        self._parts: list[CachePart] = []
        with ExitStack() as opened:
            for folder, identity in zip(folders, identities, strict=True):
                self._parts.append(CachePart(folder / PARTS / part, identity.num_features))
                opened.callback(self._parts[-1].abandon)
            known = [cache_index.collect(*pair) for pair in zip(folders, identities, strict=True)]
            opened.pop_all()
        self.changed = 0
        self.missing: list[tuple[int, list[int]]] = []
        for place in mine:
            lacking = [kind for kind, entries in enumerate(known) if self._lacks(entries, place, retry)]
            self.changed += any(clips[place].id in known[kind] for kind in lacking)
            if lacking:
                self.missing.append((place, lacking))

    def _lacks(self, entries: dict[str, Entry], place: int, retry: bool) -> bool:
        entry = entries.get(self._clips[place].id)
        return entry is None or entry.stamp != tuple(self._stamps[place]) or (retry and entry.skipped is not None)

    def announce(self, say: Say) -> None:
        done = self._count - len(self.missing)
        if done and self.missing:
            changed = f" ({self.changed} of them changed or are tried again)" if self.changed else ""
            say(f"{done} of {self._count} clips are done already; going on with {len(self.missing)}{changed}.")

    def run(self, extract: Extract, processes: int, say: Say) -> Account:
        account = Account(self._count)
        jobs = [(self._clips[place], kinds) for place, kinds in self.missing]
        try:
            with Progress(self._count, len(self.missing), account, say) as progress:
                for (place, kinds), answers in zip(
                    self.missing, in_order(partial(_extract, extract), jobs, processes, _crashed), strict=True
                ):
                    self._store(place, kinds, answers, account)
                    progress.advance()
        except BaseException:
            for part in self._parts:
                part.abandon()
            raise
        for part in self._parts:
            part.close()
        for folder, identity in zip(self._folders, self._identities, strict=True):
            with locked(folder / INDEX_LOCK, say):
                cache_index.write(folder, cache_index.collect(folder, identity))
        return account

    def _store(self, place: int, kinds: Sequence[int], answers: Sequence[Answer], account: Account) -> None:
        clip, (size, modified) = self._clips[place], self._stamps[place].tolist()
        errors = [
            self._parts[kind].append(clip, (size, modified), answer)
            for kind, answer in zip(kinds, answers, strict=True)
        ]
        usable = [answer.seconds for answer in answers if not isinstance(answer, ClipError)]
        error = next((found for found in errors if found is not None), None)
        if error is None:
            account.made += 1
            account.audio_seconds += usable[0]
        else:
            account.skipped[error.reason] += 1


_Job = tuple[Clip, list[int]]


def _extract(extract: Extract, job: _Job) -> list[Answer]:
    return extract(*job)


def _crashed(job: _Job) -> list[Answer]:
    return [ClipError("unreadable", "reading it ended the process") for _ in job[1]]


def _cannot_write(folder: Path, error: OSError) -> CacheError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return CacheError(
        f"the feature cache in {folder} cannot be written ({error.strerror or error})",
        expected="a folder with room for it" if full else "a writable folder",
        fix=(
            "free some space and run the command again; finished clips are kept"
            if full
            else "set paths.cache or the environment variable MUSIC_AFFECT_CACHE to another one"
        ),
    )
