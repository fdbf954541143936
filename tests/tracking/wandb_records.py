"""Reads back what Weights & Biases recorded, byte by byte: what an upload would send, without a server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

BLOCK, HEADER, OPENING = 32768, 7, 7  # bytes; a piece is crc (4), length (2), type (1), then its data
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
PATIENCE = 20  # seconds


@dataclass
class Recorded:
    """A recorded run."""

    id: str = ""
    project: str = ""
    name: str = ""
    group: str = ""
    job_type: str = ""
    tags: set[str] = field(default_factory=set)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, str] = field(default_factory=dict)
    exit_code: int | None = None


def files_of(run_folder: Path) -> list[Path]:
    """Its .wandb files, the earliest first."""
    return sorted(run_folder.glob("wandb/*run-*/run-*.wandb"), key=lambda file: file.stat().st_mtime_ns)


def of_run(run_folder: Path, starts: int = 1) -> list[Recorded]:
    """What a run recorded each time that it was started, the earliest first.

    W&B's own process writes the files, and may be at its last records after a run has ended: those are waited for.
    """
    end = time.monotonic() + PATIENCE
    while True:
        found = [read(file) for file in files_of(run_folder)]
        ended = len(found) >= starts and all(one.exit_code is not None for one in found)
        if ended or time.monotonic() > end:
            return found
        time.sleep(0.1)


def read(file: Path) -> Recorded:
    """All that a .wandb file says so far."""
    found = Recorded()
    for record in records(file):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = record.run
            found.id, found.project, found.name = run.run_id, run.project, run.display_name
            found.group, found.job_type, found.tags = run.run_group, run.job_type, set(run.tags)
            found.config |= {item.key: json.loads(item.value_json) for item in run.config.update}
        elif kind == "history":
            row = {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
            found.history.append(row | {"_step": record.history.step.num})
        elif kind == "summary":
            update = record.summary.update
            found.summary |= {"/".join(i.nested_key) or i.key: json.loads(i.value_json) for i in update}
        elif kind == "metric":
            summary = record.metric.summary
            best = "max" if summary.max else "min" if summary.min else ""
            found.metrics[record.metric.name or record.metric.glob_name] = best
        elif kind == "exit":
            found.exit_code = record.exit.exit_code
    return found


def records(file: Path) -> Iterator[Record]:
    """Whole records of a .wandb file, which is a log of LevelDB's form; its end may be cut."""
    content, held = file.read_bytes(), b""
    assert content[:4] == b":W&B"[: len(content)]
    place = OPENING
    while place + HEADER <= len(content):
        if BLOCK - place % BLOCK < HEADER:
            place += BLOCK - place % BLOCK
            continue
        length, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        piece = content[place + HEADER : place + HEADER + length]
        if len(piece) < length:
            return
        held = (b"" if kind in (FULL, FIRST) else held) + piece
        place += HEADER + length
        if kind in (FULL, LAST):
            yield Record.FromString(held)


def epochs(recorded: Recorded) -> list[dict[str, Any]]:
    """All that was logged of each epoch, in order."""
    found: dict[int, dict[str, Any]] = {}
    for row in recorded.history:
        if "train/loss" in row or "val/loss" in row:
            found.setdefault(row["epoch"], {}).update(row)
    return list(found.values())


def table(recording: Path, value: dict[str, Any]) -> dict[str, Any]:
    """``columns`` and ``data`` of a table that the history names."""
    content: dict[str, Any] = json.loads((recording / "files" / value["path"]).read_text(encoding="utf-8"))
    return content
