"""Files of a run folder read leniently: what is missing or half-written is nothing, never an error."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from music_affect import files
from music_affect.plain_text import from_cell


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None."""
    try:
        return files.read_object(path)
    except (OSError, ValueError):
        return None


def read_yaml(path: Path) -> Any:
    """Whatever a YAML file holds, or None."""
    try:
        return files.read_yaml(path)
    except (OSError, ValueError):
        return None


def read_word(text: str) -> Any:
    """A value as it stands on a command line: a number, a list, nothing; else the word itself."""
    try:
        found = files.parse_yaml(text)
    except ValueError:
        return text
    number = _number(text) if isinstance(found, str) else None  # YAML takes 1e-4 for a word
    return found if number is None else number


def read_numbers(path: Path) -> Iterator[dict[str, float]]:
    """Rows of a table, of each the cells that are numbers."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                cells = {from_cell(name): _number(cell) for name, cell in row.items() if name}
                yield {name: number for name, number in cells.items() if number is not None}
    except (OSError, ValueError, csv.Error):
        return


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None
