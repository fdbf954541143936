"""From a data set to divided clips with features: what training, references and evaluation start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.progress import track

from music_affect import build, files
from music_affect.data.cache import FeatureCache, cache_folder
from music_affect.data.cache_builder import open_or_build
from music_affect.data.clip_store import View
from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import split_clips, split_hash
from music_affect.evaluation.statistics import VERSION, clip_statistics
from music_affect.spec import Target

Say = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """Clips ready to be learnt from.

    Args:
        source: the data set.
        cache: features of its clips.
        target: name of the label.
        kind: what that label is.
        splits: labelled, usable clips by part.
        unlabelled: clips that lack the label.
    """

    source: ClipSource
    cache: FeatureCache
    target: str
    kind: Target
    splits: Mapping[str, list[Clip]]
    unlabelled: int

    @property
    def split_hash(self) -> str:
        return split_hash(self.splits)

    @property
    def clip_counts(self) -> dict[str, Any]:
        """Clips by part, and those left out with the reason."""
        counts: dict[str, Any] = {name: len(clips) for name, clips in self.splits.items()}
        return counts | {"unlabelled": self.unlabelled, "skipped": self.cache.skip_counts}


def features(cfg: DictConfig, data: ClipSource, clips: list[Clip], say: Say) -> FeatureCache:
    """The feature cache of a data set, built where need be."""
    reader = build.reader(cfg, data)
    folder = cache_folder(Path(cfg.paths.cache).expanduser(), data.name, data.root, reader.settings())
    # Arrays are read faster than a process starts.
    workers = 1 if cfg.workers is None and data.holds == "arrays" else cfg.workers
    return open_or_build(folder, clips, reader, workers=workers, say=say)


def prepare(cfg: DictConfig, data: ClipSource, say: Say) -> Prepared:
    """Extracts what is missing and divides the labelled clips."""
    clips = data.clips()
    for remark in data.remarks():
        say(remark)
    cache = features(cfg, data, clips, say)
    target = cfg.task.target
    kind = data.targets[target]
    usable = build.labelled(clips, target, cache, kind)
    unlabelled = sum(target not in clip.labels for clip in clips)
    if unlabelled:
        say(f"{unlabelled} of {len(clips)} clips have no label '{target}' and are left out.")
    splits = split_clips(usable, target, build.split_plan(cfg))
    return Prepared(data, cache, target, kind, splits, unlabelled)


def statistics(cache: FeatureCache, view: View) -> NDArray[np.float32]:
    """Clip statistics of every clip of the cache, float32 [N, D], in its order; kept beside it once computed."""
    path = cache.folder / f"statistics-v{VERSION}-{'-'.join(view.blocks)}-{cache.identity.fingerprint}.npy"
    if path.is_file():
        kept: NDArray[np.float32] = np.load(path, allow_pickle=False)
        return kept
    rows = [
        clip_statistics(cache.clip(name)[:, view.columns].astype(np.float32), view.own_blocks)
        for name in track(cache.ids, "Clip statistics", transient=True)
    ]
    with files.atomic_path(path) as temporary:
        np.save(temporary, np.stack(rows))
    return np.stack(rows)
