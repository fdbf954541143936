"""Findings about clips that hold the same audio."""

from __future__ import annotations

from collections.abc import Sequence

from music_affect.data.audit.evidence import Evidence
from music_affect.data.audit.findings import ERROR, WARNING, Finding, found
from music_affect.data.source import Clip

MOST_APART = 0.25  # of a scale's spread in the data: what different listeners may make of the same audio


def copy_findings(evidence: Evidence) -> list[Finding]:
    """Findings about copies; those across parts or with contradicting classes are told louder."""
    groups = [[evidence.clips[place] for place in places] for places in evidence.copies.groups]
    across = [_told(clips) for clips in groups if _parts(clips) or _folds(clips)]
    other = [_told(clips) for clips in groups if any(_classes_differ(clips, name) for name in evidence.targets)]
    spreads = {name: _spread(evidence.clips, name) for name in evidence.targets}
    apart = [
        _told(clips) for clips in groups if any(_spread(clips, name) > MOST_APART * spreads[name] for name in spreads)
    ]
    which = "Find out which label is right and keep that copy."
    return [
        *found("copies across splits", ERROR, across, "Move all copies of a clip to one split or fold, or keep one."),
        *found("copies, other classes", ERROR, other, which),
        *found("copies, values far apart", WARNING, apart, which),
        *_repeated(evidence),
    ]


def _repeated(evidence: Evidence) -> list[Finding]:
    exact: list[str] = []
    encoded: list[str] = []
    for place, first in enumerate(evidence.copies.first):
        if first != place:
            told = f"{evidence.clips[place].id} = {evidence.clips[first].id}"
            (exact if evidence.copies.exact[place] else encoded).append(told)
    advice = "Keep one of each, or give all copies one group, so that no split is straddled."
    return [*found("same audio twice", WARNING, exact, advice), *found("re-encoded copies", WARNING, encoded, advice)]


def _parts(clips: Sequence[Clip]) -> bool:
    return len({clip.split for clip in clips if clip.split is not None}) > 1


def _folds(clips: Sequence[Clip]) -> bool:
    return len({clip.fold for clip in clips if clip.fold is not None}) > 1


def _classes_differ(clips: Sequence[Clip], name: str) -> bool:
    return len({label for clip in clips if isinstance(label := clip.labels.get(name), str)}) > 1


def _spread(clips: Sequence[Clip], name: str) -> float:
    values = [float(label) for clip in clips if isinstance(label := clip.labels.get(name), int | float)]
    return max(values) - min(values) if values else 0.0


def _told(clips: Sequence[Clip]) -> str:
    return " = ".join(_with_part(clip) for clip in clips[:3])


def _with_part(clip: Clip) -> str:
    part = clip.split or ("" if clip.fold is None else f"fold {clip.fold}")
    return f"{clip.id} ({part})" if part else clip.id
