"""TEMPORARY until the branch loggers is merged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def opened(loggers: Any, config: Any) -> Iterator[None]:
    yield


def report(loggers: Any, folder: Any, prepared: Any, view: Any) -> None:
    return
