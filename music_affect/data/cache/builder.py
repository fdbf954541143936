"""Building feature caches: several kinds in one pass, in several processes, resumable, side by side with others."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from music_affect.contracts.errors import CacheError
from music_affect.data.cache import index as cache_index
from music_affect.data.cache.features import IDENTITY, FeatureCache, complete, unlike
from music_affect.data.cache.identity import Identity, stamps_of
from music_affect.data.cache.index import INDEX, PARTS
from music_affect.data.cache.lock import exclusively, locked
from music_affect.data.cache.part import FRAMES, JOURNAL
from music_affect.data.cache.skips import describe_skips
from music_affect.data.cache.work import INDEX_LOCK, WHOLE, BuildSummary, Share, Work
from music_affect.data.reader import Description, Extract
from music_affect.data.source import Clip
from music_affect.system import files
from music_affect.system.parallel import processes_for

log = logging.getLogger(__name__)


def open_or_build(
    folder: Path, clips: Sequence[Clip], kind: Description, extract: Extract, *, workers: int | None
) -> FeatureCache:
    """The cache of these clips, built first where something is missing.

    Args:
        folder: of the cache.
        clips: in any order.
        kind: of features.
        extract: makes them.
        workers: processes; None takes one a core, as far as there is work for them.

    Raises:
        CacheError: the cache cannot be written.
    """
    identity = Identity.of(clips, kind)
    cache = complete(folder, identity)
    if cache is None:
        build([(folder, kind)], clips, extract, workers=workers)
        cache = FeatureCache(folder, identity)
    if cache.skipped:
        log.info(describe_skips(cache.skipped, len(clips), folder / cache_index.SKIPPED))
    return cache


def build(
    kinds: Sequence[tuple[Path, Description]],
    clips: Sequence[Clip],
    extract: Extract,
    *,
    workers: int | None,
    share: Share = WHOLE,
    retry: bool = False,
) -> BuildSummary:
    """Makes what is missing in the caches of several kinds of features, in one pass over the clips.

    A file is read once for all kinds that lack it. Another process that writes the same part is waited for; one that
    writes another share works on beside this one.

    Args:
        kinds: folder of the cache, and what describes its features; ``extract`` knows them by their places.
        clips: in any order; stored in that of their ids.
        extract: makes the features.
        workers: processes; None takes one a core, as far as there is work for them.
        share: of the clips that is made here.
        retry: read all clips again that could not be used; else only those whose obstacle seems to be gone.

    Raises:
        CacheError: a cache cannot be written.
    """
    ordered = sorted(clips, key=lambda clip: clip.id)
    stamps = stamps_of(ordered)
    identities = [Identity.sharing(stamps, ordered, reader) for _, reader in kinds]
    folders = [folder for folder, _ in kinds]
    mine = [place for place, clip in enumerate(ordered) if share.holds(clip.id)]
    finished = None if retry else _finished(folders, identities, {ordered[place].id for place in mine})
    if finished is not None:
        return finished
    began = time.perf_counter()
    try:
        with exclusively(folders, share.part):
            for folder, identity in zip(folders, identities, strict=True):
                with locked(folder / INDEX_LOCK):
                    _adopt(folder, identity)
            work = Work(folders, identities, ordered, mine, share.part, retry)
            work.announce()
            summary = work.run(extract, processes_for(len(work.missing), workers))
    except OSError as error:
        raise _cannot_write(folders[0].parent, error) from error
    summary.seconds = time.perf_counter() - began
    return summary


def _finished(folders: Sequence[Path], identities: Sequence[Identity], mine: set[str]) -> BuildSummary | None:
    """What there is to tell where nothing is to be made; a finished cache may be one that cannot be written."""
    caches = [complete(*pair) for pair in zip(folders, identities, strict=True)]
    opened = [cache for cache in caches if cache is not None]
    if len(opened) < len(caches):
        return None
    unusable = mine & {skip.id for cache in opened for skip in cache.skipped}
    return BuildSummary(len(mine), unusable=len(unusable))


def _adopt(folder: Path, identity: Identity) -> None:
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
        log.info(f"Feature cache {folder} is not used: {reason}. Extracting again.")
    files.write_json(folder / IDENTITY, identity.to_dict())


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
