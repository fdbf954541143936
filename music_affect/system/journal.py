"""Lists of finished work that survive a kill at any byte: one JSON object a line, appended as work is finished."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from music_affect.contracts.shapes import mismatch


def read_entries(path: Path, shape: Any = dict) -> Iterator[tuple[dict[str, Any], int]]:
    """Whole entries of a journal, each with the place in the file where it ends.

    Ends before the first line that is torn or no such JSON object: a killed process or a full disk leaves such a one.

    Args:
        path: of the journal.
        shape: of its entries, as ``shapes`` describes it.
    """
    if not path.is_file():
        return
    end = 0
    with path.open("rb") as stream:
        for line in stream:
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
            except (ValueError, RecursionError):
                return
            if not isinstance(entry, dict) or mismatch(entry, shape):
                return
            end += len(line)
            yield entry, end


class Journal:
    """A journal to go on with. One process writes at a time; that is for the caller to see to.

    Args:
        path: of the file; made by the first entry.
        shape: of its entries, as ``shapes`` describes it.

    Attributes:
        entries: what was read and appended, in order.
    """

    def __init__(self, path: Path, shape: Any = dict) -> None:
        read = list(read_entries(path, shape))
        self.entries = [entry for entry, _ in read]
        self._appender = Appender(path, read[-1][1] if read else 0)

    def append(self, entry: Mapping[str, Any]) -> None:
        """Adds a line and hands it to the operating system."""
        self._appender.append(entry)
        self.entries.append(dict(entry))

    def close(self) -> None:
        """Ends writing; a later ``append`` opens the file again."""
        self._appender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Appender:
    """Writes lines after a known place of a file and cuts off what stands there already.

    Args:
        path: of the file.
        end: bytes to keep.
    """

    def __init__(self, path: Path, end: int) -> None:
        self._path, self._end = path, end
        self._stream: Any = None

    def append(self, entry: Mapping[str, Any]) -> None:
        """Adds a line; a line that could only be written in part is cut off by the next one."""
        if self._stream is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._path.open("ab")
            self._stream.truncate(self._end)
        line = json.dumps(entry).encode() + b"\n"
        try:
            self._stream.write(line)
            self._stream.flush()
        except OSError:
            self.close()
            raise
        self._end += len(line)

    def close(self) -> None:
        """Ends writing; a later ``append`` opens the file again."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(OSError):  # the rest of a line that found no room
                stream.close()
