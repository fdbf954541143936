"""Writing and reading small files so that a killed process never leaves half of one behind."""

from __future__ import annotations

import csv
import errno
import json
import logging
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from music_affect.contracts.shapes import check_size, mismatch
from music_affect.system.plain_text import from_cell, to_cell

log = logging.getLogger(__name__)

try:
    import fcntl
except ImportError:  # not on Windows, where a file that is open cannot be replaced either
    fcntl = None  # type: ignore[assignment]

LARGEST = 64 << 20  # bytes of a JSON or YAML file: metrics of a thousand classes are a tenth of it
_MARK = ".tmp-"
_TEMPORARY = re.compile(rf"\..*{re.escape(_MARK)}[a-z0-9_]{{8}}(\.[^.]*)?")
_UTF8: Any = {"encoding": "utf-8", "errors": "backslashreplace"}  # half letters are not UTF-8
ALMOST_NOTHING = 64 * 1024  # bytes that a writer leaves free who found no room for its next piece


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` that replaces it once the block ends without an error.

    The temporary name keeps the suffix, since many writers choose their format by it. What killed processes left
    under such names goes before this process writes into a folder for the first time.

    Raises:
        OSError: with the path, and as a full disk where it is one, whatever words the writer has for that.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    handle, temporary = _temporary(path)
    try:
        yield temporary
        os.chmod(temporary, 0o644)  # mkstemp makes private files; results are to be read by colleagues too
        os.replace(temporary, path)
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = error.filename or str(path)
        elif _is_full(path.parent):  # NumPy and libsndfile do not hand on what the system said
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
        if handle is not None:
            os.close(handle)


def _temporary(path: Path) -> tuple[int | None, Path]:
    """A new file with a lock that dies with this process: who can take it knows that nobody is writing."""
    while True:
        try:
            handle, name = tempfile.mkstemp(prefix=f".{path.stem}{_MARK}", suffix=path.suffix, dir=path.parent)
        except OSError as error:
            error.filename = str(path)
            raise
        if fcntl is None:
            os.close(handle)
            return None, Path(name)
        with suppress(OSError):  # where nothing can be locked, nothing is taken for abandoned either
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.exists(name):  # else it was taken for abandoned just before it was locked
            return handle, Path(name)
        os.close(handle)


@cache
def _sweep(folder: Path) -> None:
    remove_abandoned(folder)


def remove_abandoned(folder: Path) -> None:
    """Removes temporary files of ``atomic_path`` whose writers are dead from a folder, where locks tell."""
    if fcntl is None:
        return
    with os.scandir(folder) as entries:
        names = [entry.path for entry in entries if _TEMPORARY.fullmatch(entry.name)]
    for name in names:
        with suppress(OSError), open(name, "rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name)


def _is_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < ALMOST_NOTHING


def write_text(path: Path, text: str) -> None:
    """Replaces ``path`` by ``text`` in one step."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, **_UTF8)


def write_json(path: Path, content: Any) -> None:
    """Replaces ``path`` by ``content`` as indented JSON; NaN is refused, since no other reader accepts it."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON, or larger or nested more deeply than any that is written here.
    """
    return _parsed(path, json.loads)


def read_object(path: Path, shape: Any = dict) -> dict[str, Any]:
    """A JSON object of a certain shape, as ``shapes`` describes it.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none; the message says what is wrong.
    """
    content = read_json(path)
    wrong = mismatch(content, shape)
    if wrong:
        raise ValueError(wrong)
    found: dict[str, Any] = content
    return found


def read_yaml(path: Path) -> Any:
    """Content of a YAML file as plain containers.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no YAML, or its references make more of it than anybody could have written.
    """
    return _parsed(path, parse_yaml)


def parse_yaml(text: str) -> Any:
    """Plain containers out of YAML.

    Raises:
        ValueError: it is no YAML.
    """
    import yaml  # type: ignore[import-untyped]  # late: most commands do without it

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("no YAML") from error


def _parsed(path: Path, parse: Callable[[str], Any]) -> Any:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST >> 20} MiB")
    try:
        content = parse(path.read_text(encoding="utf-8"))
        check_size(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return content


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]], *, exact: bool = False) -> None:
    """Replaces ``path`` by a table.

    Args:
        path: of the table.
        header: names of the columns.
        rows: cells, numbers or texts. A text that a spreadsheet would take for a formula gets a ``'`` before it, which
            ``read_csv`` takes away again.
        exact: no such mark, for readers who need every letter as it is.
    """
    ready: Callable[[Any], Any] = (lambda cell: cell) if exact else to_cell
    with atomic_path(path) as temporary, temporary.open("w", newline="", **_UTF8) as stream:
        plain = csv.writer(stream, lineterminator="\n")
        quoted = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)  # a bare \r is not quoted otherwise
        for row in chain([header], rows):
            cells = [ready(cell) for cell in row]
            (quoted if any("\r" in str(cell) for cell in cells) else plain).writerow(cells)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a table as ``read_table`` reads it."""
    return read_table(path)[1]


def read_table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Header and rows of a table that ``write_csv`` wrote, every cell as text.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no table in UTF-8, or a row has more or fewer cells than the header.
    """
    with path.open(newline="", encoding="utf-8-sig") as stream:
        try:
            header, *rows = [[from_cell(cell) for cell in row] for row in csv.reader(stream) if row] or [[]]
        except csv.Error as error:
            raise ValueError(str(error)) from error
    if any(len(row) != len(header) for row in rows):
        raise ValueError("a row whose cells do not match the header")
    return header, [dict(zip(header, row, strict=True)) for row in rows]


def check_archive(path: Path) -> None:
    """Refuses what would unpack to more than the file holds: PyTorch and NumPy store arrays as they are.

    Raises:
        OSError: it cannot be read.
        BadZipFile: it is no archive.
        ValueError: it is none of theirs.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("it is compressed, which archives of arrays are not")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise ValueError("it claims to hold more than its size")


def inside(folder: Path, path: Path) -> bool:
    """Whether a path is below a folder wherever links lead to."""
    return path.resolve().is_relative_to(folder.resolve())


@contextmanager
def held(path: Path, busy: str) -> Iterator[None]:
    """Holds a lock file in a folder that is made for it; logs ``busy`` where another process has it, and waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info(busy)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


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
