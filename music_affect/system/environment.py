"""What a run ran on and with: enough to repeat it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "music_affect",
    "torch",
    "lightning",
    "hydra-core",
    "torchmetrics",
    "librosa",
    "numpy",
    "scipy",
    "scikit-learn",
)


def environment() -> dict[str, Any]:
    """Command, code revision, package versions and hardware, as plain values."""
    return {"command": command(), "git": revision(), "packages": packages(), "hardware": hardware()}


def command() -> str:
    """The command that started this process, ready to be repeated; from a notebook there is none."""
    if "ipykernel" in sys.modules:
        return "a notebook"
    module = getattr(sys.modules.get("__main__"), "__spec__", None)
    start = f"python -m {module.name}" if module is not None else f"python {sys.argv[0]}"
    start = sys.argv[0] if sys.argv[0].startswith("music-affect ") else start  # however that was found
    return " ".join([start, *(f"'{word}'" if set(word) & set(" ,*[](){}$") else word for word in sys.argv[1:])])


def revision() -> dict[str, Any] | None:
    """Commit of the checkout that this code runs from and whether it was changed, or None outside one."""
    folder = Path(__file__).parents[1]
    try:
        head, changes = (
            subprocess.run(
                ["git", *words], cwd=folder, capture_output=True, text=True, timeout=5, check=True
            ).stdout.strip()
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--", "."))
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": head, "changed": bool(changes)}


def packages() -> dict[str, str]:
    """Installed versions of what decides the numbers."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def hardware() -> dict[str, Any]:
    """Processor, threads and GPU."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"machine": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads(), "gpu": gpu}
