"""Keeps freed memory in the process during training on a CPU."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # numbers of mallopt(3)


def keep_freed_memory() -> None:
    """Tells glibc to keep what was freed instead of returning it to the system.

    The activations of a training step are large enough to be mapped anew, page by page, in every step. Does nothing
    where the C library is another one.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in ((_MMAP_THRESHOLD, 2**30), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**26)):
            mallopt(option, value)
