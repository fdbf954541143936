"""An audit of one data set: measure its files, look at its labels and parts, write down what is found."""

from __future__ import annotations

import hashlib
import json
import re
import statistics
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from music_affect import build, files
from music_affect.audit import display
from music_affect.audit.copy_findings import copy_findings
from music_affect.audit.duplicates import find_copies
from music_affect.audit.evidence import Evidence
from music_affect.audit.file_findings import file_findings
from music_affect.audit.findings import SEVERITIES, Finding, by_severity
from music_affect.audit.label_findings import class_counts, label_findings
from music_affect.audit.measurement import ArrayMeasurement, AudioMeasurement
from music_affect.audit.split_findings import split_findings, unknown_groups
from music_affect.audit.survey import survey
from music_affect.audit.table import write_table
from music_affect.compatibility import wanted
from music_affect.data.source import ClipSource
from music_affect.plain_text import portable
from music_affect.spec import Categorical


def audit(cfg: DictConfig, data: ClipSource, out: Console) -> list[Finding]:
    """Audits a data set and writes ``clips.csv`` and ``findings.json``.

    Args:
        cfg: composed from ``conf/doctor.yaml``.
        data: the data set.
        out: the console.

    Returns:
        What was found, the worst first.

    Raises:
        MusicAffectError: the data cannot be listed, or nothing can be written.
    """
    evidence = gather(cfg, data, out)
    found = [
        *copy_findings(evidence),
        *split_findings(evidence),
        *unknown_groups(evidence.clips, data.whose()),
        *label_findings(evidence),
        *file_findings(evidence),
    ]
    findings = by_severity(found)
    folder = Path(cfg.out).expanduser()
    write_table(folder / "clips.csv", evidence)
    files.write_json(folder / "findings.json", _summary(data, evidence, findings))
    display.print_evidence(out, evidence)
    display.print_findings(out, findings)
    out.print(_closing_line(data, evidence, findings, folder))
    return findings


def gather(cfg: DictConfig, data: ClipSource, out: Console) -> Evidence:
    """Lists and measures the clips; those measured by an earlier call are not read again."""
    clips = data.clips()
    for remark in data.remarks():
        out.print(remark)
    if data.holds == "arrays":
        out.print("Ready-made features: lengths, silence, clipping and re-encoded copies are not checked.")
        measure: ArrayMeasurement | AudioMeasurement = ArrayMeasurement(build.reader(cfg, data))
    else:
        measure = AudioMeasurement(max(cfg.min_seconds, build.selection(cfg).min_seconds))
    journal = _journal(Path(cfg.paths.cache).expanduser(), data, measure.settings())
    facts = survey(
        clips,
        measure,
        journal,
        workers=cfg.workers,
        say=out.print,
        watch=display.watched,
    )
    names = data.targets if cfg.get("task") is None else wanted(cfg.task)
    return Evidence(clips, facts, {name: data.targets[name] for name in names}, find_copies(facts))


def _journal(cache: Path, data: ClipSource, settings: dict[str, Any]) -> Path:
    """Where facts of these files, taken with these settings, are kept."""
    key = json.dumps([str(data.root), data.identity, settings], sort_keys=True)
    name = re.sub(r"[^\w.-]", "_", data.name)
    return cache / "audits" / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.jsonl"


def _summary(data: ClipSource, evidence: Evidence, findings: list[Finding]) -> dict[str, Any]:
    classes = {
        portable(name): {portable(kind): count for kind, count in class_counts(evidence.usable, name, target).items()}
        for name, target in evidence.targets.items()
        if isinstance(target, Categorical)
    }
    return {
        "data": portable(data.name),
        "root": portable(data.root),
        "synthetic": data.synthetic,
        "clips": len(evidence.clips),
        "usable": len(evidence.usable),
        "seconds": _lengths([known.seconds for known in evidence.facts if known.seconds and not known.problem]),
        "classes": classes,
        "findings": [finding.to_dict() for finding in findings],
    }


def _lengths(seconds: list[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    ends = {"shortest": min(seconds), "median": statistics.median(seconds), "longest": max(seconds)}
    return {**ends, "total": round(sum(seconds), 1)}


def _closing_line(data: ClipSource, evidence: Evidence, findings: list[Finding], folder: Path) -> str:
    hours = sum(known.seconds or 0 for known in evidence.facts if not known.problem) / 3600
    counts = {severity: sum(finding.severity == severity for finding in findings) for severity in SEVERITIES}
    told = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items())
    audio = f", {hours:.1f} h of audio" if hours else ""
    return portable(
        f"{'SYNTHETIC music, ' if data.synthetic else ''}{data.name}: {len(evidence.usable)} of {len(evidence.clips)} "
        f"clips usable{audio}; {told}. Tables: {folder / 'clips.csv'}, {folder / 'findings.json'}"
    )
