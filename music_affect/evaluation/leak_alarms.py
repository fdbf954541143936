"""Alarms over clips that a model is scored on though it, or what it started from, was trained on them."""

from __future__ import annotations

from collections.abc import Mapping

from music_affect.evaluation.alarms import Alarm

_PARTS = {"train": "training", "val": "validation", "test": "test"}


def copies_across_parts(across: Mapping[tuple[str, str], int], clips: Mapping[str, int]) -> Alarm | None:
    """Clips stand in two parts, under one name or several.

    Args:
        across: clips of the second part that are identical copies of clips of the first, by (first, second).
        clips: by part.
    """
    if not across:
        return None
    where = ", ".join(
        f"{count} of {clips[second]} {_PARTS[second]} clips are identical copies of {_PARTS[first]} clips"
        for (first, second), count in sorted(across.items(), key=lambda pair: pair[0] != ("train", "test"))
    )
    return Alarm(
        "copies across parts",
        f"{where}: the score says how well the model remembers, not what it makes of other music. Remove the copies "
        "(music_affect.doctor names them), or give each one's group the same value so that they stay in one part.",
    )


def leaked_start(trained: int, tested: int) -> Alarm | None:
    """The run began with weights that know its test clips."""
    if not trained:
        return None
    return Alarm(
        "leaked start",
        f"the start was trained on {trained} of the {tested} test clips. The score flatters the model. Train a start "
        "on the same division (data.fold, split.seed).",
    )


def leaked_checkpoint(trained: int, scored: int) -> Alarm | None:
    """A checkpoint is scored on clips that it, or its start, was trained on."""
    if not trained:
        return None
    return Alarm(
        "leaked checkpoint",
        f"the checkpoint was trained on {trained} of these {scored} clips, under these names or as identical copies: "
        "the figures say how well it remembers them. Score clips that it was not trained on.",
    )
