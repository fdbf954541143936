"""Files of a run folder read leniently: what is missing or half-written is nothing, never an error."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def read_yaml(path: Path) -> Any:
    """Whatever a YAML file holds, or None."""
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def read_word(text: str) -> Any:
    """A value as it stands on a command line: a number, a list, nothing; else the word itself."""
    try:
        found = _parse(text)
    except ValueError:
        return text
    number = _number(text) if isinstance(found, str) else None  # YAML takes 1e-4 for a word
    return found if number is None else number


def read_numbers(path: Path) -> Iterator[dict[str, float]]:
    """Rows of a table, of each the cells that are numbers."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield {name: number for name, cell in row.items() if name and (number := _number(cell)) is not None}
    except (OSError, ValueError, csv.Error):
        return


def _parse(text: str) -> Any:
    import yaml  # type: ignore[import-untyped]  # late: a single run's report does not need it

    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError("no YAML") from error


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None
