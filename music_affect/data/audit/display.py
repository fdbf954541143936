"""What a person sees of an audit."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from music_affect.contracts.spec import Continuous
from music_affect.data.audit.evidence import Evidence
from music_affect.data.audit.findings import ERROR, NOTE, WARNING, Finding
from music_affect.data.audit.label_findings import class_counts, values_of
from music_affect.system.plain_text import on_one_line

_COLOURS = {ERROR: "bold red", WARNING: "yellow", NOTE: "cyan"}
_BAR = 24  # characters
_BINS = 8


def print_evidence(out: Console, evidence: Evidence) -> None:
    """Tables of lengths, classes and scales."""
    clips = evidence.usable or list(evidence.clips)
    lengths = [known.seconds for known in evidence.facts if known.seconds and not known.problem]
    if lengths:
        _print_lengths(out, lengths)
    scales = []
    for name, target in evidence.targets.items():
        if not isinstance(target, Continuous):
            counts = class_counts(clips, name, target)
            _print_bars(out, f"Clips by {name}", counts)
        elif values := values_of(clips, name):
            numbers = (min(values), statistics.median(values), max(values))
            scales.append([name, str(len(values)), *(f"{value:.3g}" for value in numbers), str(len(set(values)))])
    if scales:
        _print_table(out, "Scales", ["", "clips", "lowest", "median", "highest", "different values"], scales)


def print_findings(out: Console, findings: Sequence[Finding]) -> None:
    """A table of findings, or a line where there are none."""
    if not findings:
        out.print("Nothing found that is wrong.")
        return
    table = Table(title="Findings", title_justify="left", show_lines=True)
    for heading in ("", "what", "count", "examples", "what to do"):
        table.add_column(heading, justify="right" if heading == "count" else "left")
    for finding in findings:
        severity, examples = Text(finding.severity, _COLOURS[finding.severity]), "\n".join(finding.examples)
        table.add_row(severity, finding.name, str(finding.count), examples, finding.advice)
    out.print(table, soft_wrap=False)


def _print_lengths(out: Console, lengths: Sequence[float]) -> None:
    low, high = min(lengths), max(lengths)
    numbers = f"{low:.1f} to {high:.1f} s, half of them at least {statistics.median(lengths):.1f} s"
    width = (high - low) / _BINS
    if width == 0:
        out.print(f"All {len(lengths)} usable clips last {low:.1f} s.")
        return
    places = [min(_BINS - 1, int((length - low) / width)) for length in lengths]
    bars = {f"{low + place * width:.1f} s and more": places.count(place) for place in range(_BINS)}
    _print_bars(out, f"Lengths: {numbers}", bars)


def _print_bars(out: Console, title: str, counts: dict[str, int]) -> None:
    most, total = max(counts.values(), default=0) or 1, sum(counts.values()) or 1
    rows = [
        [kind, str(count), f"{count / total:.1%}", "█" * round(_BAR * count / most)] for kind, count in counts.items()
    ]
    _print_table(out, title, ["", "clips", "share", ""], rows)


def _print_table(out: Console, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=on_one_line(title), title_justify="left")
    for heading in header:
        table.add_column(heading, justify="left" if not heading else "right")
    for row in rows:
        table.add_row(*map(on_one_line, row))
    out.print(table, soft_wrap=False)
