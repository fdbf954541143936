"""Keeping the mp3 decoder's own messages off the console."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_lock = threading.Lock()
_inside = 0
_saved = -1


@contextmanager
def quiet_decoder() -> Iterator[None]:
    """Discard what C libraries write to standard error meanwhile.

    mpg123 prints notes about damaged files there and offers no switch through libsndfile; we report such files
    ourselves. Threads that are inside at the same time share one redirection, which the last one to leave ends.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _saved
    with _lock:
        _inside += 1
        if _inside > 1:
            return
        try:
            _saved = os.dup(_STDERR)
        except OSError:  # a service without a standard error has nothing to keep quiet
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDERR)
        os.close(nowhere)


def _leave() -> None:
    global _inside, _saved
    with _lock:
        _inside -= 1
        if _inside == 0 and _saved >= 0:
            os.dup2(_saved, _STDERR)
            os.close(_saved)
            _saved = -1
