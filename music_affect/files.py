"""Writing and reading small files so that a killed process never leaves half of one behind."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` that replaces it once the block ends without an error.

    The temporary name keeps the suffix, since many writers choose their format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)  # mkstemp makes private files; results are to be read by colleagues too
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replaces ``path`` by ``text`` in one step."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Replaces ``path`` by ``content`` as indented JSON; NaN is refused, since no other reader accepts it."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Replaces ``path`` by a table."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        plain = csv.writer(stream, lineterminator="\n")
        quoted = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)  # a bare \r is not quoted otherwise
        for row in chain([header], rows):
            (quoted if any("\r" in str(cell) for cell in row) else plain).writerow(row)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a table with a header line, every cell as text."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows: list[Mapping[str, str]] = list(csv.DictReader(stream))
    return [dict(row) for row in rows]


def locked(path: Path) -> bool:
    """Whether a living process holds a lock file."""
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False
