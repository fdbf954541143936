"""Offline runs are uploaded once each, whatever stops the upload; `wandb sync` is stood in for by a script.

The script leaves the mark that the real command leaves when a run has arrived, and fails where it is told to.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from running import entry_point

from music_affect.errors import ConfigurationError, DataNotFoundError
from music_affect.trackers import recordings, upload
from music_affect.trackers.upload import UploadError, sync

STAND_IN = f"""#!{sys.executable}
import os, pathlib, sys
word, folder = " ".join(sys.argv[1:-1]), pathlib.Path(sys.argv[-1])
with open(os.environ["UPLOADS"], "a") as log:
    print(word, folder.name, file=log)
if os.environ.get("REFUSED") and os.environ["REFUSED"] in folder.name:
    sys.exit("wandb: ERROR the server said no")
next(folder.glob("*.wandb")).with_suffix(".wandb.synced").touch()
"""


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stand-in lists what it was asked to upload."""
    program = tmp_path / "bin" / "wandb"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("UPLOADS", str(tmp_path / "uploads.txt"))
    monkeypatch.setattr(upload, "obstacle", lambda: None)
    (tmp_path / "uploads.txt").touch()
    return tmp_path / "uploads.txt"


def record(run: Path, name: str, id: str) -> Path:
    """A recording as W&B names it."""
    folder = run / "wandb" / name
    folder.mkdir(parents=True)
    (folder / f"run-{id}.wandb").write_bytes(b":W&B")
    return folder


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Three cells of a sweep: a, b and c."""
    for place, name in enumerate("abc"):
        record(tmp_path / "multirun" / "grid" / f"{place}-cell", f"offline-run-20260101_12000{place}-{name}", name)
    return tmp_path / "multirun"


def uploaded(uploads: Path) -> list[str]:
    return [line.split("-")[-1] for line in uploads.read_text().splitlines()]


def test_every_run_is_uploaded_once(grid: Path, uploads: Path) -> None:
    said: list[str] = []
    sync([grid], said.append)
    assert uploads.read_text().splitlines()[0] == "sync offline-run-20260101_120000-a"
    assert uploaded(uploads) == ["a", "b", "c"]
    assert said[0] == "Runs recorded by W&B: 3. Uploaded: 0. To upload: 3."
    sync([grid], said.append)
    assert uploaded(uploads) == ["a", "b", "c"]
    assert said[-1] == "Runs recorded by W&B: 3. Uploaded: 3. To upload: 0."


def test_a_run_that_fails_stays_and_the_next_call_goes_on(
    grid: Path, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFUSED", "-b")
    with pytest.raises(UploadError, match=r"1 of 3 runs were not uploaded .*the server said no.*repeat the command"):
        sync([grid], print)
    monkeypatch.delenv("REFUSED")
    sync([grid], print)
    assert uploaded(uploads) == ["a", "b", "c", "b"]


def test_a_dry_run_lists_what_is_left(grid: Path, uploads: Path) -> None:
    sync([grid / "grid" / "0-cell"], print)
    said: list[str] = []
    sync([grid], said.append, dry_run=True)
    assert uploaded(uploads) == ["a"]
    assert [line.split("-")[-1] for line in said[1:]] == ["b", "c"]


def test_what_another_process_uploads_is_left_to_it(grid: Path, uploads: Path) -> None:
    recording = grid / "grid" / "1-cell" / "wandb" / "offline-run-20260101_120001-b"
    said: list[str] = []
    with FileLock(recording / "upload.lock"):
        sync([grid], said.append)
    assert uploaded(uploads) == ["a", "c"]
    assert f"left to the process that is uploading it: {recording}" in said[2]


def test_what_another_process_has_uploaded_meanwhile_is_not_sent_again(
    grid: Path, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = recordings.under([grid])
    sync([grid], print)
    asked = iter(range(99))
    monkeypatch.setattr(type(found[0]), "uploaded", property(lambda one: next(asked) >= 3))
    sync([grid], print)  # the marks are seen only once the locks are held
    assert uploaded(uploads) == ["a", "b", "c"]


def test_a_run_that_is_being_written_waits(grid: Path, uploads: Path) -> None:
    said: list[str] = []
    with FileLock(grid / "grid" / "2-cell" / ".lock"):
        sync([grid], said.append, dry_run=True)
        assert said[-1].endswith("-c once its run has ended")
        sync([grid], said.append)
    assert uploaded(uploads) == ["a", "b"]
    sync([grid], print)
    assert uploaded(uploads) == ["a", "b", "c"]


def test_of_a_resumed_run_the_newest_recording_counts(tmp_path: Path, uploads: Path) -> None:
    run = tmp_path / "run"
    record(run, "offline-run-20260101_120000-a", "a")
    record(run, "offline-run-20260101_120000-a-1", "a")  # started again within the second
    newest = record(run, "offline-run-20260101_130000-a", "a")
    record(tmp_path / "other", "offline-run-20260101_120000-b", "b")
    recordings.mark_sent(record(tmp_path / "other", "run-20260101_120100-b", "b"))  # resumed with a network
    assert [one.folder for one in recordings.of_run(run)][1].name.endswith("a-1")
    sync([tmp_path], print)
    assert uploads.read_text() == f"sync {newest.name}\n"


def test_a_run_that_lost_its_server_is_sent(tmp_path: Path, uploads: Path) -> None:
    recordings.mark_sent(record(tmp_path / "a", "run-20260101_120000-a", "a"))
    record(tmp_path / "b", "run-20260101_120000-b", "b")
    for _ in range(2):
        sync([tmp_path], print)
        assert uploads.read_text() == "sync --include-online run-20260101_120000-b\n"


@pytest.mark.parametrize("part", ["", "wandb", "wandb/offline-run-20260101_120001-b"])
def test_a_folder_may_be_a_run_or_a_part_of_it(grid: Path, uploads: Path, part: str) -> None:
    sync([grid / "grid" / "1-cell" / part], print)
    assert uploaded(uploads) == ["b"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="nowhere is no folder"):
        sync([tmp_path / "nowhere"], print)


def test_without_a_key_nothing_is_lost(grid: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no W&B key is set; .*run `wandb login`"):
        sync([grid], print)
    assert len([one for one in recordings.under([grid]) if not one.uploaded]) == 3


def test_without_a_network_the_command_says_so_in_one_sentence(grid: Path, tmp_path: Path) -> None:
    nowhere = {"WANDB_API_KEY": "0" * 40, "WANDB_BASE_URL": "http://127.0.0.1:9"}
    done = entry_point("track", "sync", cwd=tmp_path, **nowhere)
    assert done.returncode == 1
    assert done.stdout == "Runs recorded by W&B: 3. Uploaded: 0. To upload: 3.\n"
    assert done.stderr.startswith("error: W&B cannot be reached at http://127.0.0.1:9 (")
    assert done.stderr.count("\n") == 1
    assert len([one for one in recordings.under([grid]) if not one.uploaded]) == 3


def test_a_run_of_ours_is_found_and_uploaded(finished: Path, tmp_path: Path, uploads: Path) -> None:
    shutil.copytree(finished, tmp_path / "outputs" / "genre" / "run")
    (one,) = recordings.under([tmp_path / "outputs"])
    sync([tmp_path / "outputs"], print)
    assert uploads.read_text() == f"sync {one.folder.name}\n"
    assert one.uploaded
