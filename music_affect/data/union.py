"""Two data sets used as one, for tasks whose labels no single one carries."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from music_affect.contracts.errors import LabelError
from music_affect.contracts.spec import Categorical, Continuous, Tags, Target
from music_affect.data.source import Clip, ClipSource


class UnionSource(ClipSource):
    """The clips of several data sets, each with the labels that its set has.

    Ids are prefixed by the data set's name. A class label that several sets carry has the classes of all of them; a
    scale has its ends where all agree on them. Each set keeps its own parts and folds.

    Args:
        sources: whose clips are taken, with different names.

    Raises:
        LabelError: the sets cannot be read together.
    """

    def __init__(self, sources: Sequence[ClipSource]) -> None:
        self._sources = list(sources)
        self.name = "+".join(source.name for source in sources)
        self.synthetic = any(source.synthetic for source in sources)
        self.holds = sources[0].holds
        if len({source.name for source in sources}) < len(sources):
            raise LabelError(
                f"two data sets with the name '{sources[0].name}'",
                expected="different names",
                fix="choose two data sets, or name one of them with data.name=WORD",
            )
        if any(source.holds != self.holds for source in sources):
            raise LabelError(
                "; ".join(f"{source.name} holds {source.holds}" for source in sources),
                expected="data sets that both hold audio or both hold ready-made arrays",
                fix="choose two data sets of one kind",
            )

    @property
    def root(self) -> Path:  # type: ignore[override]  # of lab sets it is looked for when first needed
        """The innermost folder that holds all of them."""
        return Path(os.path.commonpath([source.root for source in self._sources]))

    @property
    def targets(self) -> Mapping[str, Target]:
        merged: dict[str, Target] = {}
        for source in self._sources:
            for name, target in source.targets.items():
                merged[name] = _merge(name, merged[name], target) if name in merged else target
        return merged

    @property
    def strata(self) -> Mapping[str, Sequence[str]]:
        """Each set by its own labels in their own order, as where it is used alone."""
        return {source.identity: source.strata[""] for source in self._sources}

    def clips(self) -> list[Clip]:
        return [
            replace(clip, id=f"{source.identity}/{clip.id}", data=source.identity)
            for source in self._sources
            for clip in source.clips()
        ]

    def remarks(self) -> list[str]:
        return [f"{source.name}: {remark}" for source in self._sources for remark in source.remarks()]

    def why_missing(self, target: str) -> str | None:
        return next((why for source in self._sources if (why := source.why_missing(target))), None)

    def remedy(self, target: str, kind: str) -> str | None:
        return next((way for source in self._sources if (way := source.remedy(target, kind))), None)

    def whose(self) -> str | None:
        told = [f"{source.name}: {open_question}" for source in self._sources if (open_question := source.whose())]
        return " ".join(told) or None


def _merge(name: str, first: Target, second: Target) -> Target:
    if isinstance(first, Categorical) and isinstance(second, Categorical):
        return Categorical(tuple(sorted({*first.classes, *second.classes})))
    if isinstance(first, Continuous) and isinstance(second, Continuous):
        return first if first == second else Continuous()
    if isinstance(first, Tags) and first == second:
        return first
    if isinstance(first, Tags) and isinstance(second, Tags):
        raise LabelError(
            f"'{name}' has other tags in one data set than in the other, where nothing says that they are lacking",
            expected="the same tags in both",
            fix="choose one of the data sets",
        )
    raise LabelError(
        f"'{name}' is of one kind in one data set and of another in the other",
        expected="the same kind of label under one name",
        fix="rename it in one of them",
    )
