"""Findings about labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from music_affect.contracts.spec import BAR, Categorical, Continuous, Tags
from music_affect.data.audit.evidence import Evidence
from music_affect.data.audit.findings import ERROR, NOTE, WARNING, Finding, found
from music_affect.data.source import Clip

FEWEST_CLIPS = 10  # of a class
FEWEST_GROUPS = 2  # of a class: with one, it cannot be both learnt and tested
MOST_IMBALANCED = 10.0  # the largest class to the smallest
FEWEST_VALUES = 5  # of a scale, where there are clips enough to show more
CLIPS_ENOUGH = 20


def label_findings(evidence: Evidence) -> list[Finding]:
    """Findings about the labels of usable clips, or of all where none is usable."""
    clips = evidence.usable or list(evidence.clips)
    if not evidence.targets:
        return [Finding("no labels", NOTE, len(clips), (), "Nothing can be trained on them; predict them instead.")]
    findings = _unlabelled(clips, list(evidence.targets))
    for name, target in evidence.targets.items():
        own = [clip for clip in clips if name in clip.labels]
        findings += _constant(own, name)
        if isinstance(target, Categorical):
            findings += _class(own, name, target)
        elif isinstance(target, Continuous):
            findings += _scale(own, name, target)
    return findings


def class_counts(clips: Sequence[Clip], name: str, target: Categorical | Tags) -> dict[str, int]:
    """Clips of every class or tag, the largest first; those without any included."""
    labels = [str(clip.labels[name]) for clip in clips if name in clip.labels]
    counts = Counter(word for label in labels for word in (label.split(BAR) if isinstance(target, Tags) else [label]))
    return dict(sorted(((kind, counts[kind]) for kind in target.outcomes), key=lambda item: -item[1]))


def values_of(clips: Sequence[Clip], name: str) -> list[float]:
    """Numbers on a scale, of the clips that have one."""
    return [float(clip.labels[name]) for clip in clips if name in clip.labels]


def _unlabelled(clips: Sequence[Clip], names: Sequence[str]) -> list[Finding]:
    labelled = [clip for clip in clips if any(name in clip.labels for name in names)]
    none = [clip.id for clip in clips if not any(name in clip.labels for name in names)]
    findings = found("no label", WARNING, none, "Label or remove them: they are left out of training.")
    for name in names:
        lacking = [clip.id for clip in labelled if name not in clip.labels]
        findings += found(
            f"no {name}", NOTE, lacking, f"They teach other labels only; fill '{name}' where it is known."
        )
    return findings


def _constant(clips: Sequence[Clip], name: str) -> list[Finding]:
    values = {clip.labels[name] for clip in clips}
    cases = [f"{value} in all {len(clips)} clips" for value in values] if len(values) == 1 else []
    advice = f"There is nothing to learn from a constant: add clips with another '{name}' or choose other labels."
    return found(f"constant {name}", ERROR, cases, advice)


def _class(clips: Sequence[Clip], name: str, target: Categorical) -> list[Finding]:
    counts = class_counts(clips, name, target)
    present = [count for count in counts.values() if count]
    groups = {kind: {clip.group or clip.id for clip in clips if clip.labels[name] == kind} for kind in counts}
    rare = [f"{kind} ({count})" for kind, count in counts.items() if count < FEWEST_CLIPS]
    lonely = [kind for kind, own in groups.items() if 0 < len(own) < FEWEST_GROUPS]
    uneven = present and present[0] > MOST_IMBALANCED * present[-1]
    kinds = list(counts)
    ends = [f"{kinds[0]} ({present[0]})", f"{kinds[len(present) - 1]} ({present[-1]})"] if uneven else []
    balance = "Use task.class_weights=balanced or loader.class_balance=sampler, and read macro F1, not accuracy."
    single = "All its clips are of one group (artist): a split cannot both teach and test it; add others."
    return [
        *found(f"rare {name}", WARNING, rare, f"Add clips, join or remove classes with under {FEWEST_CLIPS} clips."),
        *found(f"one group a {name}", WARNING, lonely, single),
        *found(f"uneven {name}", WARNING, ends, balance),
    ]


def _scale(clips: Sequence[Clip], name: str, target: Continuous) -> list[Finding]:
    low = -math.inf if target.low is None else target.low
    high = math.inf if target.high is None else target.high
    outside = [f"{clip.id}: {clip.labels[name]}" for clip in clips if not low <= float(clip.labels[name]) <= high]
    values = sorted(set(values_of(clips, name)))
    few = len(clips) >= CLIPS_ENOUGH and 1 < len(values) < FEWEST_VALUES
    return [
        *found(
            f"{name} out of range", ERROR, outside, f"Correct the cells or the range: it is {low:g} to {high:g} here."
        ),
        *found(
            f"few values of {name}",
            WARNING,
            [f"{value:g}" for value in values] if few else [],
            "A scale with so few steps is a class in disguise: name the column in data.source.class_targets instead.",
        ),
    ]
