from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from music_affect.system.journal import Journal, read_entries


def test_entries_are_read_again_in_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.jsonl"
    with Journal(path) as journal:
        assert journal.entries == []
        journal.append({"id": "a\nb", "size": 1})
        journal.append({"id": "ü\udcff"})
    with Journal(path) as journal:
        assert journal.entries == [{"id": "a\nb", "size": 1}, {"id": "ü\udcff"}]
        journal.append({"id": "c"})
    assert [entry["id"] for entry, _ in read_entries(path)] == ["a\nb", "ü\udcff", "c"]


@pytest.mark.parametrize("torn", [b'{"id": "b"', b"\x00\x00", b"7\n", b"[]\n", b"{\n", b'{"id": "b"}'])
def test_torn_end_is_not_read_and_is_cut_off_by_the_next_entry(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"id": "a"}\n' + torn)
    with Journal(path) as journal:
        assert journal.entries == [{"id": "a"}]
        assert path.read_bytes() == b'{"id": "a"}\n' + torn  # reading changes nothing
        journal.append({"id": "c"})
    assert path.read_bytes() == b'{"id": "a"}\n{"id": "c"}\n'


def test_place_of_an_entry_is_where_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"id": "a"}\n{"id": "bb"}\n')
    assert list(read_entries(path)) == [({"id": "a"}, 12), ({"id": "bb"}, 25)]


FULL = """
import resource, sys
from pathlib import Path
from music_affect.system.journal import Journal

resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))  # no file may grow past 100 bytes, as on a full disk
with Journal(Path(sys.argv[1])) as journal:
    for number in range(50):
        journal.append({"id": f"clip {number}"})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
def test_full_disk_leaves_whole_entries_and_a_journal_to_go_on_with(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    process = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, check=False)
    assert "OSError: [Errno 27] File too large" in process.stderr
    assert path.stat().st_size == 100  # the sixth line is torn
    with Journal(path) as journal:
        assert [entry["id"] for entry in journal.entries] == [f"clip {number}" for number in range(5)]
        journal.append({"id": "later"})
    assert [entry["id"] for entry, _ in read_entries(path)][4:] == ["clip 4", "later"]


@pytest.mark.parametrize("line", ['{"id": 5}', '{"name": "a"}', "[" * 100_000, "[]", "5"])
def test_an_entry_of_another_shape_ends_the_list(line: str, tmp_path: Path) -> None:
    (tmp_path / "j").write_text(f'{{"id": "a"}}\n{line}\n{{"id": "b"}}\n')
    assert [entry["id"] for entry, _ in read_entries(tmp_path / "j", {"id": str})] == ["a"]
