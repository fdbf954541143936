"""What `track sync` gives to `wandb sync`, which leaves a mark beside what has arrived."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import wandb_records
from filelock import FileLock
from running import entry_point

from music_affect import track
from music_affect.contracts.errors import DataNotFoundError
from music_affect.track import UploadError


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the recordings that `wandb sync` was given; it takes all but those that end with ``-refused``."""
    found: list[str] = []

    def sync(command: list[str], *, check: bool) -> None:
        assert command[:5] == [sys.executable, "-m", "wandb", "sync", "--include-online"]
        files = [Path(word) for word in command[5:] if word != "--dry-run"]
        found.extend(file.parent.name.split("-")[-1] for file in files)
        for file in files:
            if "--dry-run" not in command and not file.parent.name.endswith("-refused"):
                file.with_suffix(".wandb.synced").touch()

    monkeypatch.setattr(track.subprocess, "run", sync)
    return found


def record(run: Path, name: str, id: str) -> Path:
    """A recording as W&B names it."""
    file = run / "wandb" / name / f"run-{id}.wandb"
    file.parent.mkdir(parents=True)
    file.write_bytes(b":W&B")
    return file


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Three runs of a sweep: a, b and c, of which b has met a server."""
    for place, name in enumerate("abc"):
        kind = "" if name == "b" else "offline-"
        record(tmp_path / "multirun" / "grid" / f"{place}-run", f"{kind}run-20260101_12000{place}-{name}", name)
    return tmp_path / "multirun"


def test_every_run_is_uploaded_once(grid: Path, sent: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        track._sync([grid], dry_run=False)
        assert sent == ["a", "b", "c"]
    assert capsys.readouterr().out == "Runs recorded by W&B: 3. Still running, and left: 0.\n" * 2


def test_a_dry_run_uploads_nothing(grid: Path, sent: list[str]) -> None:
    for _ in range(2):
        track._sync([grid], dry_run=True)
    assert sent == ["a", "b", "c"] * 2


def test_a_run_that_is_being_written_waits(grid: Path, sent: list[str]) -> None:
    with FileLock(grid / "grid" / "2-run" / ".lock"):
        track._sync([grid], dry_run=False)
        assert sent == ["a", "b"]
    track._sync([grid], dry_run=False)
    assert sent == ["a", "b", "c"]


def test_what_is_refused_is_an_error_and_goes_with_the_next_call(grid: Path, sent: list[str]) -> None:
    record(grid / "grid" / "3-run", "offline-run-20260101_120003-refused", "d")
    for count in (4, 1):
        with pytest.raises(UploadError, match=rf"not taken all of {count} runs; .*repeat the command"):
            track._sync([grid], dry_run=False)
    assert sent == ["a", "b", "c", "refused", "refused"]


@pytest.mark.parametrize("part", ["", "wandb", "wandb/run-20260101_120001-b"])
def test_a_folder_may_be_a_run_or_a_part_of_it(grid: Path, sent: list[str], part: str) -> None:
    track._sync([grid / "grid" / "1-run" / part], dry_run=False)
    assert sent == ["b"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="nowhere is no folder"):
        track._sync([tmp_path / "nowhere"], dry_run=False)


def test_the_real_command_takes_these_words_and_without_a_key_nothing_is_lost(finished: Path, tmp_path: Path) -> None:
    (file,) = wandb_records.files_of(finished)
    done = entry_point("track", "sync", str(finished), cwd=tmp_path)
    assert done.returncode == 1
    assert file.name in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: W&B has not taken all of 1 runs; expected a key")
    assert not file.with_suffix(".wandb.synced").exists()
