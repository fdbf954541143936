"""What ``prepare`` does: all kinds of features of a data set in one pass, and what is told of it."""

from __future__ import annotations

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from music_affect import build, caching
from music_affect.caching import Kind, Say
from music_affect.console import duration
from music_affect.data.audio_files import printable
from music_affect.data.cache import FeatureCache, finished_clips
from music_affect.data.cache_builder import build as build_caches
from music_affect.data.cache_index import SKIPPED
from music_affect.data.cache_work import Account, Share
from music_affect.data.identity import Identity
from music_affect.data.reader import Reader
from music_affect.data.source import Clip, ClipSource
from music_affect.errors import CacheError, DataNotFoundError


def extract(cfg: DictConfig, data: ClipSource, clips: list[Clip], console: Console) -> Account:
    """Makes the caches of all variants, or this call's share of them.

    Args:
        cfg: composed from ``conf/prepare.yaml``.
        data: the data set.
        clips: all of its clips.
        console: for people to read.

    Returns:
        What was done.

    Raises:
        CacheError: a cache cannot be written.
        DataNotFoundError: the data is gone, or none of its clips can be used.
    """
    say: Say = console.print

    for remark in data.remarks():
        say(remark)
    kinds = _kinds(cfg, data, say)
    share = Share(cfg.shard or 0, cfg.shards)
    places = {name: kind.folder(cfg, data) for name, kind in kinds.items()}
    account = build_caches(
        [(places[name], kind) for name, kind in kinds.items()],
        clips,
        caching.extract(list(kinds.values())),
        workers=_workers(cfg, data),
        say=say,
        share=share,
        retry=cfg.retry,
    )
    say(closing_line(account, share))
    for name, kind in kinds.items():
        identity = Identity.of(clips, kind)
        cache = _opened(places[name], identity)
        say(f"{name}: {_state(cache, places[name], identity)}")
        if cache is not None:
            _refuse_empty(name, cache)
    return account


def _kinds(cfg: DictConfig, data: ClipSource, say: Say) -> dict[str, Kind]:
    """Kinds of features by the name of their variant."""
    if data.holds == "arrays":
        say(f"data={cfg.data.name} holds ready-made features; they are cached as they are.")
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
    return 1 if swept and cfg.workers is None else caching.workers(cfg, data)


def closing_line(account: Account, share: Share) -> str:
    """What was made, what was left out and why, and how fast it went."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in account.skipped.most_common())
    left_out = f"{account.skipped.total()} left out ({reasons})" if reasons else "none left out"
    whose = f"Shard {share.number} of {share.of}: " if share.of > 1 else ""
    before = f"{account.present} done before{f' ({account.unusable} of them unusable)' if account.unusable else ''}"
    done = f"{whose}{account.made} of {account.clips} clips made, {before}, {left_out}"
    if not account.audio_seconds:
        return f"{done}."
    hours, speed = account.audio_seconds / 3600, account.audio_seconds / account.seconds
    return f"{done}; {hours:.2f} h of audio in {duration(account.seconds)}, {speed:.0f} times real time."


def _opened(folder: Path, identity: Identity) -> FeatureCache | None:
    """A cache whose clips are all there, usable or not."""
    try:
        return FeatureCache(folder, identity)
    except CacheError:
        return None


def _state(cache: FeatureCache | None, folder: Path, identity: Identity) -> str:
    """How much of a cache is there."""
    if cache is None:
        return f"{finished_clips(folder, identity)} of {len(identity.ids)} clips so far in {folder}"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    skipped = f", {len(cache.skipped)} left out (see skipped.csv)" if cache.skipped else ""
    remarks = "".join(f", {count} with {remark}" for remark, count in cache.remark_counts.items())
    return f"{len(cache.ids)} clips{skipped}{remarks}, {size / 1e6:.0f} MB in {folder}"


def _refuse_empty(name: str, cache: FeatureCache) -> None:
    """Whatever comes next would have nothing to work on."""
    if not cache.ids:
        counts, first = ", ".join(f"{count} {reason}" for reason, count in cache.skip_counts.items()), cache.skipped[0]
        raise DataNotFoundError(
            f"none of the {len(cache.skipped)} clips can be used for {name} features ({counts}), such as "
            f"'{printable(first.id)}' ({first.reason}: {first.detail})",
            expected="one clip at least",
            fix=f"look at {cache.folder / SKIPPED}, at the data's root and at data.selection",
        )
