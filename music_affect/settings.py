"""Settings under their full names, as a command line writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flat(settings: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """A nested configuration as ``{"optimizer.lr": 0.002}``; an empty group stays one."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return found
