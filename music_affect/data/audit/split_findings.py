"""Findings about the parts and folds that a data set prescribes, and about groups that straddle them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from music_affect.data.audit.evidence import Evidence
from music_affect.data.audit.findings import ERROR, WARNING, Finding, found
from music_affect.data.source import Clip


def split_findings(evidence: Evidence) -> list[Finding]:
    """Findings about prescribed divisions; none where a data set prescribes nothing."""
    leak = (
        "Move all clips of a group (an artist) to one of them: else a model may know the artist instead of the label."
    )
    across_parts = _straddling(evidence.clips, lambda clip: clip.split)
    across_folds = _straddling(evidence.clips, lambda clip: None if clip.fold is None else f"fold {clip.fold}")
    return [
        *_empty(evidence),
        *_lacking(evidence.clips),
        *found("groups across splits", ERROR, across_parts, leak),
        *found("groups across folds", ERROR, across_folds, leak),
    ]


def unknown_groups(clips: Sequence[Clip], open_question: str | None) -> list[Finding]:
    """Clips of which nothing says whose they are; ``open_question`` says what may tell it, None where it is known."""
    alone = [clip.id for clip in clips if clip.group is None] if open_question else []
    return found("unknown groups", WARNING, alone, open_question or "")


def _straddling(clips: Sequence[Clip], part_of: Callable[[Clip], str | None]) -> list[str]:
    parts: dict[str, set[str]] = {}
    for clip in clips:
        part = part_of(clip)
        if clip.group is not None and part is not None:
            parts.setdefault(clip.group, set()).add(part)
    return [f"{group} ({', '.join(sorted(names))})" for group, names in parts.items() if len(names) > 1]


def _empty(evidence: Evidence) -> list[Finding]:
    """Parts without a usable clip, where the data set prescribes parts at all."""
    if all(clip.split is None for clip in evidence.clips):
        return []
    there = {clip.split for clip in evidence.usable}
    return [
        # What is in no part is trained on, so it can stand for a training part.
        *found(
            "no training part",
            ERROR,
            [] if there & {"train", None} else ["train"],
            "Prescribe clips to train on, or empty the split column for a random division.",
        ),
        *found(
            "no test part",
            WARNING,
            [] if "test" in there else ["test"],
            "A test part will be drawn at random: prescribe one to be comparable with others.",
        ),
    ]


def _lacking(clips: Sequence[Clip]) -> list[Finding]:
    """Clips without a part or fold where others have one."""
    splits = [clip.id for clip in clips if clip.split is None]
    folds = [clip.id for clip in clips if clip.fold is None]
    train = "Fill the cells: clips in no part are trained on or divided at random."
    every = "Fill the cells: folds can only be used where every clip has one."
    return [
        *found("no split given", WARNING, splits if len(splits) < len(clips) else [], train),
        *found("no fold given", ERROR, folds if len(folds) < len(clips) else [], every),
    ]
