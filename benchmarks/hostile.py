"""Decoding of files that were damaged on purpose, with good ones among them: each must get an answer.

    python -m benchmarks.hostile --files 1000 --seed 0

Ends with exit code 1 if a file got no answer, one that must be refused was read, a good one was refused, a process
crashed, or the memory of a process exceeded its bound.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.hostile_files import HostileFile, make_files
from benchmarks.memory import peak_mib
from music_affect.contracts.errors import ClipError
from music_affect.features.audio.decode import decode
from music_affect.system.parallel import in_order

MEMORY_MIB = 512  # of a process; a tenth of it is enough for files of a few seconds
CRASHED = "crashed"


class Answer(NamedTuple):
    """What decoding said of a file: ``read`` or the reason for refusing it.

    Args:
        text: the answer.
        seconds: that it took.
        memory: the most that its process had taken by then, in MiB.
    """

    text: str
    seconds: float
    memory: float = 0.0


def examine(file: HostileFile) -> Answer:
    start = time.perf_counter()
    text = "read"
    try:
        decode(file.path)
    except ClipError as error:
        text = error.reason
    return Answer(text, time.perf_counter() - start, peak_mib())


def after_crash(file: HostileFile) -> Answer:
    return Answer(CRASHED, 0.0)


@dataclass(frozen=True)
class Outcome:
    """Answers to all files, in their order."""

    files: Sequence[HostileFile]
    answers: Sequence[Answer]

    def failures(self) -> list[str]:
        """What must not be, a line each."""
        found = []
        for file, answer in zip(self.files, self.answers, strict=False):
            if answer.text == CRASHED or (file.usable is not None and file.usable != (answer.text == "read")):
                found.append(f"{file.kind}: {file.path.name!r} was answered with '{answer.text}'")
        if self.lost:
            found.append(f"{self.lost} files got no answer")
        if self.memory > MEMORY_MIB:
            found.append(f"a process took {self.memory:.0f} MiB, more than {MEMORY_MIB}")
        return found

    @property
    def memory(self) -> float:
        """The most that a process took, in MiB."""
        return max((answer.memory for answer in self.answers), default=0.0)

    @property
    def lost(self) -> int:
        """Files without an answer."""
        return len(self.files) - len(self.answers)


def run(folder: Path, count: int, seed: int, processes: int = 2) -> Outcome:
    files = make_files(folder, count, seed)
    return Outcome(files, list(in_order(examine, files, processes, after_crash)))


def show(console: Console, outcome: Outcome) -> None:
    table = Table("kind", "files", "answers", title="Hostile files")
    kinds = list(dict.fromkeys(file.kind for file in outcome.files))
    pairs = list(zip(outcome.files, outcome.answers, strict=False))
    for kind in kinds:
        counts = Counter(answer.text for file, answer in pairs if file.kind == kind)
        table.add_row(kind, str(counts.total()), ", ".join(f"{text} {count}" for text, count in counts.most_common()))
    console.print(table)
    slowest, answer = max(pairs, key=lambda pair: pair[1].seconds)
    crashed = sum(answer.text == CRASHED for answer in outcome.answers)
    console.print(f"{len(pairs)} answered, {outcome.lost} lost, {crashed} crashed processes")
    console.print(f"slowest: {slowest.path.name!r} ({slowest.kind}), {answer.seconds:.2f} s", markup=False)
    console.print(f"largest process: {outcome.memory:.0f} MiB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), settings.files, settings.seed)
    show(Console(), outcome)
    for failure in outcome.failures():
        print(failure, file=sys.stderr)
    return 1 if outcome.failures() else 0


if __name__ == "__main__":
    raise SystemExit(main())
