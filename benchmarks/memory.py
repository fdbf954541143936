"""Peak memory of a process."""

from __future__ import annotations

import resource
from pathlib import Path


def peak_mib() -> float:
    """Largest resident memory of this process so far, in MiB.

    Linux tells it in /proc. ``getrusage``, which answers elsewhere, counts from the start of the process, when a
    spawned one still shares the memory of its parent.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
