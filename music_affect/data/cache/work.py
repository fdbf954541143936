"""One build of feature caches: what is missing, who reads it, and where it goes."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from music_affect.contracts.errors import (
    CRASHED,
    CRASHED_AGAIN,
    CRASHES,
    MISSING,
    NO_MEMORY,
    UNREADABLE_NOW,
    ClipError,
    DataNotFoundError,
)
from music_affect.data.cache import index as cache_index
from music_affect.data.cache.identity import NOWHERE, Identity, Stamp
from music_affect.data.cache.index import PARTS
from music_affect.data.cache.lock import EVERYTHING, locked
from music_affect.data.cache.mark import Job, ReadingMark
from music_affect.data.cache.part import CachePart, Entry
from music_affect.data.cache.progress import Progress
from music_affect.data.cache.skips import may_have_passed
from music_affect.data.reader import Answer, Extract, ExtractAudio
from music_affect.data.source import Clip
from music_affect.system import compilation
from music_affect.system.parallel import in_order

INDEX_LOCK = "index.lock"

log = logging.getLogger(__name__)


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
class BuildSummary:
    """What a build did.

    Args:
        clips: in its share.
        made: clips that were read and can be used.
        skipped: clips that were read and cannot be used, by reason.
        audio_seconds: of the clips that were made.
        seconds: that it took.
        unusable: clips that were found unusable before.
    """

    clips: int
    made: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    audio_seconds: float = 0.0
    seconds: float = 0.0
    unusable: int = 0

    @property
    def present(self) -> int:
        """Clips that were finished before, usable or not."""
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
        self._mark = ReadingMark(folders[0] / PARTS / part)
        self.changed = self._unusable = 0
        self.missing: list[tuple[int, list[int]]] = []
        self._crashed_before: set[str] = set()
        for place in mine:
            entries = [finished.get(clips[place].id) for finished in known]
            lacking = [kind for kind, entry in enumerate(entries) if self._lacks(entry, place, retry)]
            self.changed += any(entries[kind] is not None for kind in lacking)
            self._unusable += not lacking and any(entry is not None and entry.skipped for entry in entries)
            if lacking:
                self.missing.append((place, lacking))
            if any(entry is not None and entry.skipped and entry.skipped[1] in CRASHES for entry in entries):
                self._crashed_before.add(clips[place].id)

    def _lacks(self, entry: Entry | None, place: int, retry: bool) -> bool:
        if entry is None or entry.stamp != tuple(self._stamps[place]):
            return True
        if entry.skipped is None:
            return False
        path, reason, _ = entry.skipped
        return retry or may_have_passed(reason, path)

    def announce(self) -> None:
        done = self._count - len(self.missing)
        if done and self.missing:
            changed = f" ({self.changed} of them changed or are tried again)" if self.changed else ""
            log.info(f"{done} of {self._count} clips are done already; going on with {len(self.missing)}{changed}.")

    def run(self, extract: Extract, processes: int) -> BuildSummary:
        audio = isinstance(extract, ExtractAudio)
        if isinstance(extract, ExtractAudio) and self.missing:
            extract.extraction.prepare()  # before the processes that need it are started, and any progress is shown
            compilation.folder()  # likewise
        summary = BuildSummary(self._count, unusable=self._unusable)
        jobs = [(self._clips[place], kinds) for place, kinds in self.missing]
        results = in_order(
            partial(_extract, extract),
            self._mark.each(jobs) if processes == 1 else jobs,  # in processes of their own, clips can end only those
            processes,
            self._crashed,
            self._suspected,
            compilation.heal if audio else lambda: None,
        )
        try:
            with self._mark.cleared(), Progress(self._count, len(self.missing), summary.skipped) as progress:
                for (place, kinds), answers in zip(self.missing, results, strict=True):
                    self._store(place, kinds, answers, summary)
                    progress.advance()
        except BaseException:
            for part in self._parts:
                part.abandon()
            raise
        for part in self._parts:
            part.close()
        for folder, identity in zip(self._folders, self._identities, strict=True):
            with locked(folder / INDEX_LOCK):
                cache_index.write(folder, cache_index.collect(folder, identity))
        return summary

    def _suspected(self, job: Job) -> bool:
        return self._mark.suspects(job) or job[0].id in self._crashed_before

    def _crashed(self, job: Job) -> list[Answer]:
        reason = CRASHED_AGAIN if job[0].id in self._crashed_before else CRASHED
        return [ClipError(reason, "reading it ended the process") for _ in job[1]]

    def _store(self, place: int, kinds: Sequence[int], answers: Sequence[Answer], summary: BuildSummary) -> None:
        clip, stamp = self._clips[place], tuple(self._stamps[place].tolist())
        _refuse_lost_folder(clip, stamp, answers)
        errors = [self._parts[kind].append(clip, stamp, answer) for kind, answer in zip(kinds, answers, strict=True)]
        usable = [answer.seconds for answer in answers if not isinstance(answer, ClipError)]
        error = next((found for found in errors if found is not None), None)
        if error is None:
            summary.made += 1
            summary.audio_seconds += usable[0]
        else:
            summary.skipped[error.reason] += 1


def _refuse_lost_folder(clip: Clip, stamp: Stamp, answers: Sequence[Answer]) -> None:
    """A folder that was there and is gone takes all of its clips with it: that is no fault of theirs."""
    gone = any(isinstance(answer, ClipError) and answer.reason in (MISSING, UNREADABLE_NOW) for answer in answers)
    folder = Path(clip.path).parent
    if gone and stamp[:2] != NOWHERE and not folder.is_dir():
        raise DataNotFoundError(
            f"the folder {folder} is gone while its files are read",
            expected="it to stay until all of them are",
            fix="bring it back and run the command again; finished clips are kept",
        )


def _extract(extract: Extract, job: Job) -> list[Answer]:
    try:
        return extract(*job)
    except MemoryError as error:
        return [ClipError(NO_MEMORY, str(error) or "reading it needs more memory than there is") for _ in job[1]]
