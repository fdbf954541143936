"""Standard output and error that outlive their readers."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


def keep_going() -> None:
    """From here on, lines that nobody takes (``| head -1``, a closed terminal, a full disk) are lost without an error.

    A run is worth more than what it prints.
    """
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:  # closed before this process began
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # for as long as the process lives
            continue
        buffer = getattr(stream, "buffer", None)
        raw = getattr(buffer, "raw", buffer)  # PYTHONUNBUFFERED leaves the buffer out
        if type(raw) is io.FileIO and raw.fileno() == number:
            stream.flush()
            patient = _Output(number, "w", closefd=False)
            kept: Any = patient if raw is buffer else io.BufferedWriter(patient)
            words = {"encoding": stream.encoding, "errors": stream.errors, "write_through": stream.write_through}
            setattr(sys, name, io.TextIOWrapper(kept, line_buffering=stream.line_buffering, **words))


class _Output(io.FileIO):
    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError:
            return memoryview(content).nbytes
