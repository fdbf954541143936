"""One build of feature caches: what is missing, who reads it, and where it goes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from music_affect.data import cache_index
from music_affect.data.build_lock import EVERYTHING, locked
from music_affect.data.build_progress import Progress
from music_affect.data.cache_index import PARTS
from music_affect.data.cache_part import CachePart, Entry
from music_affect.data.identity import Identity
from music_affect.data.reader import Answer, Extract
from music_affect.data.source import Clip
from music_affect.errors import ClipError
from music_affect.parallel import in_order

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


WHOLE = Share()


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


class Work:
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
        self._folders, self._identities, self._clips = folders, identities, clips
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
