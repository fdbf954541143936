"""From a data set to divided clips with features: what training, references and evaluation start from."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from music_affect.contracts.errors import SplitError
from music_affect.contracts.spec import Target
from music_affect.data.cache.features import FeatureCache
from music_affect.data.copies import Copies, find_copies
from music_affect.data.labels import labelled, labels_hash, usable
from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import SplitPlan, divide, prescribes, restrict, split_hash
from music_affect.data.view import View
from music_affect.features.clip_statistics.statistics import VERSION, clip_statistics
from music_affect.system import files

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """Clips ready to be learnt from.

    Args:
        source: the data set.
        cache: features of its clips.
        targets: labels that the task needs, by name.
        splits: usable clips by part; each carries one of the labels at least.
        unlabelled: clips that carry none of them.
        labels_hash: of what the label files say of all clips.
        unknown_groups: why nothing says whose clips these are, where they are divided at random; else None.
    """

    source: ClipSource
    cache: FeatureCache
    targets: Mapping[str, Target]
    splits: Mapping[str, list[Clip]]
    unlabelled: int
    labels_hash: str
    unknown_groups: str | None

    @property
    def parts(self) -> list[str]:
        """Parts that are measured: ``val``, where there is one, and ``test``."""
        return [name for name in ("val", "test") if self.splits[name]]

    @cached_property
    def copies(self) -> Copies:
        """Clips with identical features."""
        return find_copies(self.splits, self.cache, self.targets)

    @property
    def split_hash(self) -> str:
        return split_hash(self.splits)

    @property
    def features_hash(self) -> str:
        return self.cache.contents_hash(clip.id for clips in self.splits.values() for clip in clips)

    @property
    def clip_counts(self) -> dict[str, Any]:
        """Clips by part, and those left out with the reason."""
        counts: dict[str, Any] = {name: len(clips) for name, clips in self.splits.items()}
        return counts | {"unlabelled": self.unlabelled, "skipped": self.cache.skip_counts}


def divided(source: ClipSource, cache: FeatureCache, names: Sequence[str], plan: SplitPlan) -> Prepared:
    """Keeps, of each part of the data set, the clips that a task can use.

    Args:
        source: the data set.
        cache: features of its clips.
        names: of the labels that are learnt.
        plan: how the clips are divided.

    Raises:
        SplitError: a part has no such clip.
    """
    clips = source.clips()
    for remark in source.remarks():
        log.info(remark)
    unknown = _unknown_groups(source, clips, plan)
    targets = {name: source.targets[name] for name in names}
    found = usable(clips, targets, cache)
    unlabelled = len(clips) - len(labelled(clips, targets))
    if unlabelled:
        log.info(f"{unlabelled} of {len(clips)} clips have no label {' or '.join(targets)} and are left out.")
    for name in targets:
        lacking = sum(name not in clip.labels for clip in found)
        if lacking:
            log.info(f"{lacking} of {len(found)} clips have no label {name}; they teach the others.")
    splits = restrict(divide(source, clips, plan), found)
    _refuse_empty(splits, list(targets))
    prepared = Prepared(source, cache, targets, splits, unlabelled, labels_hash(clips, targets), unknown)
    for remark, count in prepared.copies.remarks().items():
        log.info(f"{count} of {len(found)} clips: {remark}.")
    return prepared


def _unknown_groups(data: ClipSource, clips: Sequence[Clip], plan: SplitPlan) -> str | None:
    """Why nothing says whose clips these are, where they are divided at random all the same."""
    unknown = [clip for clip in clips if clip.group is None]
    open_question = data.whose() if unknown else None
    if open_question is not None and prescribes(plan, unknown):
        log.info(f"{open_question} The parts that the data set prescribes may share artists; that cannot be seen here.")
        return None
    return open_question


def _refuse_empty(splits: Mapping[str, list[Clip]], labels: Sequence[str]) -> None:
    """Refuses a division without clips of the task in a part that it needs.

    Raises:
        SplitError: with the part.
    """
    for name in ("train", "test"):
        if not splits[name]:
            raise SplitError(
                f"no clip of the {name} part has both a label {' or '.join(labels)} and usable features",
                expected="at least one clip to train on and one to test on: the data set is divided in the same way "
                "for every task",
                fix="choose another data.fold or split.seed, or add such labels to that part",
            )


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
