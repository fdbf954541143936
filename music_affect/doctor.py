"""Audit a data set before hours are spent on it: broken, silent, clipped and repeated files, leaks, labels, lengths.

  python -m music_affect.doctor data=folder data.root=MUSIC
  python -m music_affect.doctor data=folder data.root=MUSIC task=genre workers=2 out=AUDIT

Writes clips.csv (a row a clip) and findings.json. Exit code 1 where something would spoil a result, else 0.
Interrupted, the same command goes on where it was; a file is read again only when it has changed
or could not be read for a reason that may have passed (permissions, a mount, no ffmpeg).
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from music_affect.configuration import build, command_line, compatibility
from music_affect.contracts.spec import Continuous
from music_affect.data.audit.findings import ERROR, SEVERITIES, Finding, by_severity
from music_affect.data.source import ClipSource
from music_affect.system import files
from music_affect.system.plain_text import portable

if TYPE_CHECKING:
    from music_affect.data.audit.evidence import Evidence
    from music_affect.data.audit.measurement import ArrayMeasurement, AudioMeasurement

log = logging.getLogger("music_affect.doctor")


def diagnose(cfg: DictConfig) -> list[Finding]:
    """Looks for what would spoil a result, and writes ``clips.csv`` and ``findings.json``.

    Args:
        cfg: composed from ``conf/doctor.yaml``.

    Returns:
        What was found, the worst first.

    Raises:
        MusicAffectError: the data is not there or does not carry the task's labels, or nothing can be written.
    """
    compatibility.check_chosen(cfg)
    data = build.source(cfg)
    if cfg.get("task") is not None:
        compatibility.check_task(cfg, data)
    # decoders and their libraries, only now that there is work for them
    from music_affect.data.audit import display
    from music_affect.data.audit.table import write_table
    from music_affect.system import console

    evidence = _gather(cfg, data)
    findings = _findings(data, evidence)
    folder = Path(cfg.out).expanduser()
    write_table(folder / "clips.csv", evidence)
    files.write_json(folder / "findings.json", _summary(data, evidence, findings))
    out = console.make()
    display.print_evidence(out, evidence)
    display.print_findings(out, findings)
    log.info(_closing_line(data, evidence, findings, folder))
    return findings


def _gather(cfg: DictConfig, data: ClipSource) -> Evidence:
    """Lists and measures the clips; those measured by an earlier call are not read again."""
    from music_affect.data.audit.duplicates import find_copies
    from music_affect.data.audit.evidence import Evidence
    from music_affect.data.audit.measurement import ArrayMeasurement, AudioMeasurement
    from music_affect.data.audit.survey import survey

    clips = data.clips()
    for remark in data.remarks():
        log.info(remark)
    if data.holds == "arrays":
        log.info("Ready-made features: lengths, silence, clipping and re-encoded copies are not checked.")
        measure: ArrayMeasurement | AudioMeasurement = ArrayMeasurement(build.reader(cfg, data))
    else:
        measure = AudioMeasurement(max(cfg.min_seconds, build.selection(cfg).min_seconds))
    journal = _journal(Path(cfg.paths.cache).expanduser(), data, measure.settings())
    facts = survey(clips, measure, journal, workers=cfg.workers)
    names = data.targets if cfg.get("task") is None else compatibility.wanted(cfg.task)
    return Evidence(clips, facts, {name: data.targets[name] for name in names}, find_copies(facts))


def _findings(data: ClipSource, evidence: Evidence) -> list[Finding]:
    from music_affect.data.audit.copy_findings import copy_findings
    from music_affect.data.audit.file_findings import file_findings
    from music_affect.data.audit.label_findings import label_findings
    from music_affect.data.audit.split_findings import split_findings, unknown_groups

    return by_severity(
        [
            *copy_findings(evidence),
            *split_findings(evidence),
            *unknown_groups(evidence.clips, data.whose()),
            *label_findings(evidence),
            *file_findings(evidence),
        ]
    )


def _journal(cache: Path, data: ClipSource, settings: dict[str, Any]) -> Path:
    """Where facts of these files, taken with these settings, are kept."""
    key = json.dumps([str(data.root), data.identity, settings], sort_keys=True)
    name = re.sub(r"[^\w.-]", "_", data.name)
    return cache / "audits" / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.jsonl"


def _summary(data: ClipSource, evidence: Evidence, findings: list[Finding]) -> dict[str, Any]:
    from music_affect.data.audit.label_findings import class_counts

    classes = {
        portable(name): {portable(kind): count for kind, count in class_counts(evidence.usable, name, target).items()}
        for name, target in evidence.targets.items()
        if not isinstance(target, Continuous)
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
    listed = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items())
    audio = f", {hours:.1f} h of audio" if hours else ""
    return portable(
        f"{'SYNTHETIC music, ' if data.synthetic else ''}{data.name}: {len(evidence.usable)} of {len(evidence.clips)} "
        f"clips usable{audio}; {listed}. Tables: {folder / 'clips.csv'}, {folder / 'findings.json'}"
    )


def _job(cfg: DictConfig) -> None:
    if any(finding.severity == ERROR for finding in diagnose(cfg)):
        sys.exit(1)


def main() -> None:
    """Entry point of ``music-affect doctor``."""
    command_line.run("doctor", _job, check=compatibility.check_chosen, description=str(__doc__))


if __name__ == "__main__":
    main()
