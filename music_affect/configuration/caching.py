"""The feature caches of a data set: what is extracted from its files, and where that is kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from omegaconf import DictConfig

from music_affect.configuration import build
from music_affect.data.cache.builder import open_or_build
from music_affect.data.cache.features import FeatureCache, cache_folder
from music_affect.data.reader import Extract, ExtractAudio, ReadArrays, Reader
from music_affect.data.source import Clip, ClipSource
from music_affect.data.tags import gain_remark

if TYPE_CHECKING:
    from music_affect.features.audio.selection import Selection

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """One kind of features of a data set.

    Args:
        reader: of the files.
        selection: the part of each audio file that is used; None for ready-made arrays.
    """

    reader: Reader
    selection: Selection | None

    @property
    def num_features(self) -> int:
        return self.reader.num_features

    @property
    def blocks(self) -> Mapping[str, tuple[int, int]]:
        return self.reader.blocks

    def settings(self) -> dict[str, Any]:
        """All that changes the numbers, in plain values; a whole file needs no word."""
        selected = self.selection.settings() if self.selection else {}
        return self.reader.settings() | ({"selection": selected} if selected else {})

    def folder(self, cfg: DictConfig, data: ClipSource) -> Path:
        """Where the features are kept."""
        return cache_folder(Path(cfg.paths.cache).expanduser(), data.root, self.settings())


def kind_of(cfg: DictConfig, data: ClipSource, reader: Reader | None = None) -> Kind:
    """The features that the configuration asks for, or those of another reader."""
    selection = build.selection(cfg) if data.holds == "audio" else None
    return Kind(reader or build.reader(cfg, data), selection)


def extract(kinds: Sequence[Kind]) -> Extract:
    """One pass over a clip's file for all kinds, which share their selection."""
    selection = kinds[0].selection
    if selection is None:
        return ReadArrays(kinds[0].reader)
    from music_affect.features.extraction import Extraction, Extractor

    extractors = tuple(cast(Extractor, kind.reader) for kind in kinds)  # audio is read by nothing else
    return ExtractAudio(Extraction(extractors, selection))


def workers(cfg: DictConfig, data: ClipSource) -> int | None:
    """Processes that read the files; arrays are read faster than a process starts."""
    return 1 if cfg.workers is None and data.holds == "arrays" else cfg.workers


def features(cfg: DictConfig, data: ClipSource, clips: list[Clip]) -> FeatureCache:
    """The feature cache that a run needs, built where need be."""
    kind = kind_of(cfg, data)
    folder = kind.folder(cfg, data)
    cache = open_or_build(folder, clips, kind, extract([kind]), workers=workers(cfg, data))
    for remark, count in cache.remark_counts.items():
        log.info(f"{count} of {len(cache.ids)} clips: {remark}.")
    if "loudness" in cfg.features.blocks and data.holds == "audio":
        remark = gain_remark([clip.path for clip in clips])
        if remark is not None:
            log.warning(remark)
    return cache
