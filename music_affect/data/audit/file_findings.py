"""Findings about the files: those that cannot be used, and those that sound wrong or unlike the others."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator

from music_affect.contracts.errors import CRASHED, MISSING, NO_MEMORY, NOT_AUDIO, UNREADABLE_NOW
from music_affect.data.audit.evidence import Evidence
from music_affect.data.audit.facts import Facts
from music_affect.data.audit.findings import ERROR, NOTE, WARNING, Finding, found
from music_affect.data.source import Clip

MOST_UNUSABLE = 0.05  # share of clips up to which the rest still stands for the data set
MOST_CLIPPED = 0.001  # share of samples from which it is heard as distortion
MOST_SILENT = 0.5
UNLIKE = 2.0  # times the median length, or that part of it

_ADVICE = {
    NOT_AUDIO: "Fetch these files again: 'detail' of the table says what they are instead.",
    MISSING: "Correct the paths of the label table, or put the files where it says.",
    "truncated": "Fetch or copy these files again: their ends are missing.",
    "silent": "Remove them or fetch them again: there is nothing to hear.",
    "too short": "Remove them, or lower features.extraction.min_seconds or data.selection.min_seconds, whichever asks "
    "for more, here and in training.",
    UNREADABLE_NOW: "See 'detail' of the table (permissions, a mount, a disk); the next call tries them again.",
    NO_MEMORY: "Use fewer workers or a machine with more memory; the next call tries them again.",
    CRASHED: "Run the command again, with workers=1; convert those that do it every time.",
    "not finite": "Write these files again: they hold values that are no numbers.",
}
_OTHERWISE = "Fetch or convert these files again; 'detail' of the table says what is wrong with each."


def file_findings(evidence: Evidence) -> list[Finding]:
    """Findings about the files of a data set."""
    return [*_unusable(evidence), *_sounding(evidence), *_lengths(evidence), *_formats(evidence)]


def _unusable(evidence: Evidence) -> list[Finding]:
    total, bad = len(evidence.clips), len(evidence.clips) - len(evidence.usable)
    findings = []
    for reason in dict.fromkeys(known.problem for known in evidence.facts if known.problem):
        cases = [clip.id for clip, known in _pairs(evidence) if known.problem == reason]
        findings += found(reason, WARNING, cases, _ADVICE.get(reason, _OTHERWISE))
    if bad == total:
        message = "Nothing can be learnt from it: see the reasons, and check the folder and the paths."
        findings.append(Finding("no usable clip", ERROR, bad, (), message))
    elif bad > MOST_UNUSABLE * total:
        message = f"{bad / total:.0%} of the clips cannot be used: repair them first, or the result is another set's."
        findings.append(Finding("many unusable clips", ERROR, bad, (), message))
    return findings


def _sounding(evidence: Evidence) -> list[Finding]:
    silent = [clip.id for clip, known in _pairs(evidence) if (known.silent or 0) > MOST_SILENT]
    clipped = [clip.id for clip, known in _pairs(evidence) if (known.clipped or 0) > MOST_CLIPPED]
    return [
        *found("mostly silent", WARNING, silent, "Listen to them: more than half of each is 60 dB below its peak."),
        *found(
            "clipped", WARNING, clipped, "Take a less loud copy: more than .1 % of the samples stand at full scale."
        ),
    ]


def _lengths(evidence: Evidence) -> list[Finding]:
    lengths = {clip.id: known.seconds for clip, known in _pairs(evidence) if known.seconds and not known.problem}
    if not lengths:
        return []
    median = statistics.median(lengths.values())
    unlike = [
        f"{name} ({seconds:.1f} s)"
        for name, seconds in lengths.items()
        if not median / UNLIKE <= seconds <= median * UNLIKE
    ]
    advice = f"Look whether they are what they should be: half of all clips last {median:.1f} s and more."
    return found("unlike lengths", WARNING, unlike, advice)


def _formats(evidence: Evidence) -> list[Finding]:
    usable = [known for known in evidence.facts if not known.problem]
    rates = Counter(f"{known.rate} Hz" for known in usable if known.rate)
    channels = Counter(f"{known.channels} channels" for known in usable if known.channels)
    advice = "They are mixed and resampled; but where formats go with labels, a model may learn the format instead."
    return [
        *found("several sample rates", NOTE, _kinds(rates), advice),
        *found("several channel counts", NOTE, _kinds(channels), advice),
    ]


def _kinds(counts: Counter[str]) -> list[str]:
    return [f"{kind}: {number} clips" for kind, number in counts.most_common()] if len(counts) > 1 else []


def _pairs(evidence: Evidence) -> Iterator[tuple[Clip, Facts]]:
    return zip(evidence.clips, evidence.facts, strict=True)
