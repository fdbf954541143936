"""From a data set to divided clips with features: what training, references and evaluation start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.progress import track

from music_affect import build, files
from music_affect.caching import Say, features
from music_affect.compatibility import wanted
from music_affect.data.cache import FeatureCache
from music_affect.data.labels import labelled, usable
from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import split_clips, split_hash
from music_affect.data.view import View
from music_affect.evaluation.statistics import VERSION, clip_statistics
from music_affect.spec import Categorical, Continuous, Target


@dataclass(frozen=True)
class Prepared:
    """Clips ready to be learnt from.

    Args:
        source: the data set.
        cache: features of its clips.
        targets: labels that the task needs, by name.
        splits: usable clips by part; each carries one of the labels at least.
        unlabelled: clips that carry none of them.
    """

    source: ClipSource
    cache: FeatureCache
    targets: Mapping[str, Target]
    splits: Mapping[str, list[Clip]]
    unlabelled: int

    @property
    def parts(self) -> list[str]:
        """Parts that are measured: ``val``, where there is one, and ``test``."""
        return [name for name in ("val", "test") if self.splits[name]]

    @property
    def split_hash(self) -> str:
        return split_hash(self.splits)

    @property
    def clip_counts(self) -> dict[str, Any]:
        """Clips by part, and those left out with the reason."""
        counts: dict[str, Any] = {name: len(clips) for name, clips in self.splits.items()}
        return counts | {"unlabelled": self.unlabelled, "skipped": self.cache.skip_counts}


def prepare(cfg: DictConfig, data: ClipSource, say: Say) -> Prepared:
    """Extracts what is missing and divides the labelled clips."""
    clips = data.clips()
    for remark in data.remarks():
        say(remark)
    cache = features(cfg, data, clips, say)
    targets = {name: data.targets[name] for name in wanted(cfg.task)}
    found = usable(clips, targets, cache)
    unlabelled = len(clips) - len(labelled(clips, targets))
    if unlabelled:
        say(f"{unlabelled} of {len(clips)} clips have no label {' or '.join(targets)} and are left out.")
    for name in targets:
        lacking = sum(name not in clip.labels for clip in found)
        if lacking:
            say(f"{lacking} of {len(found)} clips have no label {name}; they teach the others.")
    splits = split_clips(found, strata(targets, data), build.split_plan(cfg))
    return Prepared(data, cache, targets, splits, unlabelled)


def strata(targets: Mapping[str, Target], data: ClipSource) -> list[str]:
    """Labels to stratify the parts by: the task's class, else the data's scales in their order.

    Not the task's scales: every affect task on one data set is then tested on the same clips, and single, multitask
    and transfer can be compared.
    """
    classes = [name for name, kind in targets.items() if isinstance(kind, Categorical)]
    return [*classes, *(name for name, kind in data.targets.items() if isinstance(kind, Continuous))]


def statistics(cache: FeatureCache, view: View) -> NDArray[np.float32]:
    """Clip statistics of every clip of the cache, float32 [N, D], in its order; kept beside it once computed."""
    path = cache.folder / f"statistics-v{VERSION}-{'-'.join(view.blocks)}-{cache.identity.fingerprint}.npy"
    kept = _kept(path, len(cache.ids))
    if kept is not None:
        return kept
    rows = [
        clip_statistics(cache.clip(name)[:, view.columns].astype(np.float32), view.own_blocks)
        for name in track(cache.ids, "Clip statistics", transient=True)
    ]
    with files.atomic_path(path) as temporary:
        np.save(temporary, np.stack(rows))
    return np.stack(rows)


def _kept(path: Path, clips: int) -> NDArray[np.float32] | None:
    """Statistics that were kept, float32 [N, D]; None where there are none of these clips, or the file is damaged."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        sound = found.ndim == 2 and len(found) == clips and found.dtype == np.float32 and np.isfinite(found).all()
        return np.array(found) if sound else None
    except Exception:  # whatever NumPy makes of a damaged file; they are computed anew
        return None
