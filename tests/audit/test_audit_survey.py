"""Files are read once: after a kill, on a second call, by a second process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest
from logged import logged

from music_affect.contracts.errors import CRASHED, NO_MEMORY, PASSING, CacheError
from music_affect.data.audit.facts import Facts
from music_affect.data.audit.survey import survey
from music_affect.data.source import Clip

COUNT = 12


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    made = [Clip(str(number), tmp_path / f"{number:02}.txt") for number in range(COUNT)]
    for clip in made:
        clip.path.write_text(clip.id)
    return made


class Reading:
    """Notes which files are read; finds those at fault that it is told of."""

    def __init__(self, faults: Mapping[str, str] | None = None) -> None:
        self.read: list[str] = []
        self.faults = faults or {}

    def __call__(self, clip: Clip) -> Facts:
        self.read.append(clip.id)
        if self.faults.get(clip.id) == NO_MEMORY:
            raise MemoryError
        return Facts(self.faults.get(clip.id, ""), clip.path.read_text(), seconds=1.5)


def surveyed(clips: Sequence[Clip], reading: Reading, journal: Path, lines: list[str] | None = None) -> list[Facts]:
    with logged(lines):
        return survey(clips, reading, journal, workers=1)


def test_a_second_call_reads_nothing_and_answers_the_same(clips: list[Clip], tmp_path: Path) -> None:
    first, second = Reading(), Reading()
    facts = surveyed(clips, first, tmp_path / "journal.jsonl")
    assert [known.detail for known in facts] == first.read == [clip.id for clip in clips]
    assert surveyed(clips[::-1], second, tmp_path / "journal.jsonl") == facts[::-1]
    assert second.read == []


def test_a_changed_file_is_read_again_and_so_is_a_new_one(clips: list[Clip], tmp_path: Path) -> None:
    surveyed(clips[:-1], Reading(), tmp_path / "journal.jsonl")
    clips[3].path.write_text("other")
    status = clips[5].path.stat()
    os.utime(clips[5].path, ns=(status.st_atime_ns, status.st_mtime_ns + 1000))
    reading, lines = Reading(), list[str]()
    facts = surveyed(clips, reading, tmp_path / "journal.jsonl", lines)
    assert reading.read == ["3", "5", "11"]
    assert facts[3].detail == "other"
    assert lines == ["9 of 12 clips are known from an earlier call."]
    again = Reading()
    surveyed(clips, again, tmp_path / "journal.jsonl")
    assert again.read == []


def test_what_is_not_there_is_looked_for_every_time(clips: list[Clip], tmp_path: Path) -> None:
    clips[2].path.unlink()
    clips[4].path.unlink()
    clips[4].path.mkdir()
    facts = surveyed(clips, Reading(), tmp_path / "journal.jsonl")
    assert [known.problem for known in facts[2:5]] == ["missing", "", "not audio"]
    unnameable = Clip("0", tmp_path / ("x" * 300))
    assert surveyed([unnameable], Reading(), tmp_path / "journal.jsonl")[0].problem == "missing"
    clips[2].path.write_text("here again")
    assert surveyed(clips, Reading(), tmp_path / "journal.jsonl")[2].detail == "here again"


def test_a_fault_that_may_have_passed_is_looked_at_again_and_a_file_that_is_bad_is_not(
    clips: list[Clip], tmp_path: Path
) -> None:
    journal, again = tmp_path / "journal.jsonl", Reading()
    passing, lasting = sorted(PASSING - {CRASHED}), ["unreadable", "too short", "silent"]
    faults = {str(number): fault for number, fault in enumerate([*passing, *lasting])}
    facts = surveyed(clips, Reading(faults), journal)
    assert [known.problem for known in facts[: len(faults)]] == list(faults.values())
    facts = surveyed(clips, again, journal)
    assert again.read == [str(number) for number in range(len(passing))]
    assert [known.problem for known in facts if known.problem] == lasting


def only_alone(here: int, clip: Clip) -> Facts:
    """Ends any process but this one."""
    if os.getpid() != here:
        os._exit(3)
    return Facts(detail="read where it would have ended everything")


def test_what_ended_a_process_is_tried_again_in_one_of_its_own(clips: list[Clip], tmp_path: Path) -> None:
    surveyed(clips[:1], Reading({"0": CRASHED}), tmp_path / "journal.jsonl")
    measure = partial(only_alone, os.getpid())
    (known,) = survey(clips[:1], measure, tmp_path / "journal.jsonl", workers=1)
    assert known == Facts(CRASHED, "reading it ended the process")


def test_a_pipe_is_not_waited_for(clips: list[Clip], tmp_path: Path) -> None:
    clips[1].path.unlink()
    os.mkfifo(clips[1].path)
    assert surveyed(clips, Reading(), tmp_path / "journal.jsonl")[1].problem == "not audio"


def test_names_that_are_no_text_are_read_once_too(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\nb.txt"))
    path.write_text("odd")
    for expected in (["odd"], []):
        reading = Reading()
        assert surveyed([Clip("odd", path)], reading, tmp_path / "journal.jsonl")[0].detail == "odd"
        assert reading.read == expected


def test_rows_of_one_file_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "many").write_text("many")
    rows = [Clip(str(row), tmp_path / "many", row=row) for row in range(3)]
    reading = Reading()
    surveyed(rows, reading, tmp_path / "journal.jsonl")
    assert reading.read == ["0", "1", "2"]


@pytest.mark.parametrize("tail", [b'{"clip": "x", "sta', b"\x00\x00\x00", b"[1]\n", b'{"clip": 3}\n'])
def test_a_torn_journal_is_gone_on_with(tail: bytes, clips: list[Clip], tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    facts = surveyed(clips[:6], Reading(), journal)
    journal.write_bytes(journal.read_bytes() + tail)
    reading = Reading()
    assert surveyed(clips, reading, journal)[:6] == facts
    assert reading.read == [clip.id for clip in clips[6:]]


KILLED = """
import os, signal, sys
from pathlib import Path
from music_affect.data.audit.facts import Facts
from music_affect.data.audit.survey import survey
from music_affect.data.source import Clip

def measure(clip):
    if clip.id == "7":
        os.kill(os.getpid(), signal.SIGKILL)
    return Facts(detail=clip.path.read_text(), seconds=1.5)

folder = Path(sys.argv[1])
clips = [Clip(str(number), folder / f"{number:02}.txt") for number in range(12)]
survey(clips, measure, folder / "journal.jsonl", workers=1)
"""


def test_after_a_kill_it_goes_on_where_it_was(clips: list[Clip], tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], timeout=60, check=False)
    assert done.returncode == -9
    reading = Reading()
    facts = surveyed(clips, reading, tmp_path / "journal.jsonl")
    assert reading.read == ["7", "8", "9", "10", "11"]
    assert [known.detail for known in facts] == [clip.id for clip in clips]


def test_a_journal_that_cannot_be_written_is_told(clips: list[Clip], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CacheError, match=r"journal .*file/journal\.jsonl cannot be written .*; expected a writable"):
        surveyed(clips, Reading(), tmp_path / "file" / "journal.jsonl")


def test_entries_are_small(clips: list[Clip], tmp_path: Path) -> None:
    surveyed(clips, Reading(), tmp_path / "journal.jsonl")
    entry = json.loads((tmp_path / "journal.jsonl").read_text().splitlines()[0])
    assert entry.keys() == {"clip", "stamp", "facts"}
    assert entry["facts"] == {"detail": "0", "seconds": 1.5}
