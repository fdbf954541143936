"""Turn audio into feature caches, before models are trained on it: every kind of features in one pass over the files.

  python -m music_affect.prepare data=folder data.root=MUSIC
  python -m music_affect.prepare data=fma_audio data.root=FMA data.subset=large variants=[full,beat,mfcc]
  python -m music_affect.prepare -m data=folder data.root=MUSIC shards=4 'shard=range(0,4)' hydra/launcher=joblib

What is finished is kept: interrupted at any moment, the same command goes on. Files that changed are read again.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from music_affect.configuration import build, command_line, compatibility
from music_affect.contracts.errors import CacheError, ConfigurationError, DataNotFoundError
from music_affect.data.source import ClipSource

if TYPE_CHECKING:
    from music_affect.configuration.caching import Kind
    from music_affect.data.cache.features import FeatureCache
    from music_affect.data.cache.identity import Identity
    from music_affect.data.cache.work import BuildSummary, Share
    from music_affect.data.reader import Reader

log = logging.getLogger("music_affect.prepare")


def prepare(cfg: DictConfig) -> BuildSummary:
    """Makes what is missing in the feature caches of a data set, or this call's share of it.

    Args:
        cfg: composed from ``conf/prepare.yaml``.

    Returns:
        What was done.

    Raises:
        MusicAffectError: the data, the settings or the cache folder do not allow it, or no clip can be used.
    """
    _check(cfg)
    data = build.source(cfg)
    clips = data.clips()
    # librosa, only now that there is work for it
    from music_affect.configuration import caching
    from music_affect.data.cache.builder import build as build_caches
    from music_affect.data.cache.identity import Identity
    from music_affect.data.cache.work import Share

    for remark in data.remarks():
        log.info(remark)
    kinds = _kinds(cfg, data)
    share = Share(cfg.shard or 0, cfg.shards)
    places = {name: kind.folder(cfg, data) for name, kind in kinds.items()}
    done = build_caches(
        [(places[name], kind) for name, kind in kinds.items()],
        clips,
        caching.extract(list(kinds.values())),
        workers=_workers(cfg, data),
        share=share,
        retry=cfg.retry,
    )
    log.info(closing_line(done, share))
    for name, kind in kinds.items():
        identity = Identity.of(clips, kind)
        cache = _opened(places[name], identity)
        log.info(f"{name}: {_state(cache, places[name], identity)}")
        if cache is not None:
            _refuse_empty(name, cache)
    return done


def _check(cfg: DictConfig) -> None:
    compatibility.check_chosen(cfg)
    if cfg.shard is None and cfg.shards > 1:
        raise ConfigurationError(
            f"shards={cfg.shards} without the number of this one",
            expected=f"shard=0 to shard={cfg.shards - 1}",
            fix=f"add shard=NUMBER, or -m 'shard=range(0,{cfg.shards})' for all of them",
        )
    if cfg.shard is not None and not cfg.shard < cfg.shards:
        raise ConfigurationError(
            f"shard={cfg.shard} of shards={cfg.shards}",
            expected=f"a whole number from 0 to {cfg.shards - 1}",
            fix="correct one of them",
        )


def _kinds(cfg: DictConfig, data: ClipSource) -> dict[str, Kind]:
    """Kinds of features by the name of their variant."""
    from music_affect.configuration import caching

    if data.holds == "arrays":
        log.info(f"data={cfg.data.name} holds ready-made features; they are cached as they are.")
        return {"ready-made": caching.kind_of(cfg, data)}
    found: dict[str, Kind] = {}
    for name in cfg.variants:
        kind = caching.kind_of(cfg, data, _reader(cfg, name))
        if kind.settings() not in [known.settings() for known in found.values()]:  # features=mfcc makes full the same
            found[name] = kind
    return found


def _reader(cfg: DictConfig, variant: str) -> Reader:
    beat = variant == "beat"
    node = cfg.features if variant in ("full", "beat") else cfg[variant]
    made: Reader = build.make(node.extraction, beat=beat)
    return made


def _workers(cfg: DictConfig, data: ClipSource) -> int | None:
    swept = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    from music_affect.configuration import caching

    return 1 if swept and cfg.workers is None else caching.workers(cfg, data)


def closing_line(done: BuildSummary, share: Share) -> str:
    """What was made, what was left out and why, and how fast it went."""
    from music_affect.system.console import duration

    reasons = ", ".join(f"{count} {reason}" for reason, count in done.skipped.most_common())
    left_out = f"{done.skipped.total()} left out ({reasons})" if reasons else "none left out"
    whose = f"Shard {share.number} of {share.of}: " if share.of > 1 else ""
    before = f"{done.present} done before{f' ({done.unusable} of them unusable)' if done.unusable else ''}"
    line = f"{whose}{done.made} of {done.clips} clips made, {before}, {left_out}"
    if not done.audio_seconds:
        return f"{line}."
    hours, speed = done.audio_seconds / 3600, done.audio_seconds / done.seconds
    return f"{line}; {hours:.2f} h of audio in {duration(done.seconds)}, {speed:.0f} times real time."


def _opened(folder: Path, identity: Identity) -> FeatureCache | None:
    """A cache whose clips are all there, usable or not."""
    from music_affect.data.cache.features import FeatureCache

    try:
        return FeatureCache(folder, identity)
    except CacheError:
        return None


def _state(cache: FeatureCache | None, folder: Path, identity: Identity) -> str:
    """How much of a cache is there."""
    from music_affect.data.cache.features import finished_clips

    if cache is None:
        return f"{finished_clips(folder, identity)} of {len(identity.ids)} clips so far in {folder}"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    skipped = f", {len(cache.skipped)} left out (see skipped.csv)" if cache.skipped else ""
    remarks = "".join(f", {count} with {remark}" for remark, count in cache.remark_counts.items())
    return f"{len(cache.ids)} clips{skipped}{remarks}, {size / 1e6:.0f} MB in {folder}"


def _refuse_empty(name: str, cache: FeatureCache) -> None:
    """Whatever comes next would have nothing to work on."""
    if not cache.ids:
        from music_affect.data.audio_files import printable
        from music_affect.data.cache.index import SKIPPED

        counts, first = ", ".join(f"{count} {reason}" for reason, count in cache.skip_counts.items()), cache.skipped[0]
        raise DataNotFoundError(
            f"none of the {len(cache.skipped)} clips can be used for {name} features ({counts}), such as "
            f"'{printable(first.id)}' ({first.reason}: {first.detail})",
            expected="one clip at least",
            fix=f"look at {cache.folder / SKIPPED}, at the data's root and at data.selection",
        )


def main() -> None:
    """Entry point of ``music-affect prepare``."""
    command_line.run("prepare", prepare, description=str(__doc__), check=_check)


if __name__ == "__main__":
    main()
