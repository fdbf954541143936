"""What several runs need alike, made once before they start: feature caches and clip statistics."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig

from music_affect.configuration import build, caching
from music_affect.configuration.caching import Kind
from music_affect.configuration.compatibility import wanted
from music_affect.contracts.errors import MusicAffectError
from music_affect.data.cache.builder import build as build_caches
from music_affect.data.preparation import statistics
from music_affect.data.source import ClipSource


def prepare(cfgs: Sequence[DictConfig]) -> None:
    """Builds what is missing of the feature caches of these runs.

    Full-rate and beat-synchronous features of the same files are made in one pass. A run whose data cannot be read is
    left to fail by itself.

    Args:
        cfgs: of the runs.

    Raises:
        MusicAffectError: a cache cannot be written.
    """
    needed = _needed(cfgs)
    for same_files in _by_files(needed):
        cfg, source, _ = same_files[0]
        kinds = {kind.folder(cfg, source): kind for _, _, kind in same_files}
        workers = caching.workers(cfg, source)
        extract = caching.extract(list(kinds.values()))
        build_caches(list(kinds.items()), source.clips(), extract, workers=workers)
    for cfg, source, _ in needed:
        _statistics(cfg, source)


_Needed = tuple[DictConfig, ClipSource, Kind]


def _needed(cfgs: Sequence[DictConfig]) -> list[_Needed]:
    """One run for each kind of features and view of it."""
    found: dict[tuple[str, str], _Needed] = {}
    for cfg in cfgs:
        try:
            source = build.source(cfg)
            if not set(wanted(cfg.task)) <= set(source.targets):
                continue
            kind = caching.kind_of(cfg, source)
            key = str(kind.folder(cfg, source)), str(list(cfg.features.blocks))
        except MusicAffectError:
            continue
        found.setdefault(key, (cfg, source, kind))
    return list(found.values())


def _by_files(needed: Sequence[_Needed]) -> list[list[_Needed]]:
    """Those that read the same parts of the same files; arrays are read each by themselves."""
    groups: dict[str, list[_Needed]] = {}
    for one in needed:
        _, source, kind = one
        key = str((source.root, kind.selection)) if kind.selection else str((source.root, kind.settings()))
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _statistics(cfg: DictConfig, source: ClipSource) -> None:
    cache = caching.features(cfg, source, source.clips())
    statistics(cache, build.view(cfg, cache.identity.blocks))
