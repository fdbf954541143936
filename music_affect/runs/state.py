"""The runs of a sweep: known by their resolved configuration, whatever their place in the sweep."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from music_affect.system import files

# Where and how a run is made, not what it is: two runs that differ in nothing else are the same.
NOT_COMPARED = ("resume", "overwrite", "workers", "paths", "logger", "run_name", "sweep", "search", "trust")
_NUMBER = (float, None)
_TOLD = {"score?": _NUMBER, "seconds?": ({"total?": _NUMBER}, None)}  # of metrics.json, to a sweep


@dataclass(frozen=True)
class State:
    """How far a run is.

    Args:
        name: ``new``, ``running`` (by a living process), ``cut off``, ``failed``, ``pruned`` or ``done``.
        reason: why it failed or was cut off, where that is known, else empty.
        score: of a finished run, else None.
        seconds: that a finished run took, else None.
    """

    name: str
    reason: str = ""
    score: float | None = None
    seconds: float | None = None

    def is_open(self, *, retry_failed: bool = False) -> bool:
        """Whether the run is to be made or gone on with."""
        return self.name in ("new", "cut off") or (retry_failed and self.name == "failed")


def is_interruption(error: BaseException) -> bool:
    """Whether a person or the system stopped a run, which then is cut off; else it has failed."""
    return not isinstance(error, Exception) or type(error).__module__.startswith("submitit.")  # out of time for good


def settings_of(cfg: DictConfig) -> dict[str, Any]:
    """The resolved settings that make a run what it is, nested; Hydra's own are not among them."""
    own = cfg.copy()
    with open_dict(own):
        own.pop("hydra", None)
    content = OmegaConf.to_container(own, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items() if key not in NOT_COMPARED}


def digest(cfg: DictConfig) -> str:
    """Eight characters by which a run is known among all others."""
    return hashlib.sha256(json.dumps(settings_of(cfg), sort_keys=True, default=str).encode()).hexdigest()[:8]


def state(folder: Path) -> State:
    """State of a run folder; what a killed process left half-written counts as cut off."""
    status = _read(folder / "status.json")
    if status is None:
        return State("cut off" if (folder / "status.json").exists() else "new")
    name = status.get("state")
    if name == "done":
        metrics = _read(folder / "metrics.json", _TOLD) or {}
        score, total = metrics.get("score"), dict(metrics.get("seconds") or {}).get("total")
        return State("done", score=score, seconds=total)
    if name in ("failed", "pruned"):
        return State(name, reason=str(status.get("reason", "")))
    if files.locked(folder / ".lock"):
        return State("running")
    return State("cut off", reason=str(status.get("reason", "")))


def read_status(folder: Path) -> dict[str, Any]:
    """What the run in a folder last said of itself; nothing where there is none."""
    return _read(folder / "status.json") or {}


def _read(path: Path, shape: Any = dict) -> dict[str, Any] | None:
    try:
        return files.read_object(path, shape)
    except (OSError, ValueError):
        return None
