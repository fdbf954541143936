"""Audit a data set before hours are spent on it: ``python -m music_affect.doctor data=folder data.root=MUSIC``."""

from __future__ import annotations

import sys

from omegaconf import DictConfig

from music_affect import build, command_line, compatibility
from music_affect.audit.findings import ERROR, Finding
from music_affect.errors import ConfigurationError


def diagnose(cfg: DictConfig) -> list[Finding]:
    """Looks for what would spoil a result.

    Args:
        cfg: composed from ``conf/doctor.yaml``.

    Returns:
        What was found, the worst first.

    Raises:
        MusicAffectError: the data is not there, or does not carry the task's labels.
    """
    if cfg.get("data") is None:
        raise ConfigurationError(
            "no data is chosen",
            expected="what to audit",
            fix="add data=folder data.root=MUSIC, or another of " + ", ".join(compatibility.choices("data")),
        )
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
    command_line.run("doctor", _job)


if __name__ == "__main__":
    main()
