"""Audit a data set before hours are spent on it: broken, silent, clipped and repeated files, leaks, labels, lengths.

  python -m music_affect.doctor data=folder data.root=MUSIC
  python -m music_affect.doctor data=folder data.root=MUSIC task=genre workers=2 out=AUDIT

Writes clips.csv (a row a clip) and findings.json. Exit code 1 where something would spoil a result, else 0.
Interrupted, the same command goes on where it was; a file is read again only when it has changed
or could not be read for a reason that may have passed (permissions, a mount, no ffmpeg).
"""

from __future__ import annotations

import sys

from omegaconf import DictConfig

from music_affect import build, command_line, compatibility
from music_affect.audit.findings import ERROR, Finding


def diagnose(cfg: DictConfig) -> list[Finding]:
    """Looks for what would spoil a result.

    Args:
        cfg: composed from ``conf/doctor.yaml``.

    Returns:
        What was found, the worst first.

    Raises:
        MusicAffectError: the data is not there, or does not carry the task's labels.
    """
    compatibility.check_chosen(cfg)
    data = build.source(cfg)
    if cfg.get("task") is not None:
        compatibility.check_task(cfg, data)
    from music_affect import auditing, console  # decoders and their libraries, only now that there is work for them

    return auditing.audit(cfg, data, console.make())


def _job(cfg: DictConfig) -> None:
    if any(finding.severity == ERROR for finding in diagnose(cfg)):
        sys.exit(1)


def main() -> None:
    """Entry point of ``python -m music_affect.doctor``."""
    command_line.run("doctor", _job, check=compatibility.check_chosen, description=str(__doc__))


if __name__ == "__main__":
    main()
