"""``python -m music_affect.doctor``: exit codes, what it writes, what it refuses."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from audit_files import diagnosis, labelled, notes, write_clips, write_table
from omegaconf import DictConfig
from running import command, compose, entry_point

from music_affect.contracts.errors import DataNotFoundError, TaskMismatchError
from music_affect.doctor import diagnose, main
from music_affect.system.files import read_csv
from music_affect.system.plain_text import on_one_line, portable

Doctor = Callable[..., tuple[int, str, str]]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    write_table(tmp_path / "music", labelled(write_clips(tmp_path / "music", 30)))
    return tmp_path / "music"


@pytest.fixture
def own_folders_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_AFFECT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MUSIC_AFFECT_OUTPUTS", "outputs")


@pytest.fixture
def doctor(own_folders_here: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """The command in this process: its exit code, and what it prints to both streams."""

    def run(*words: str) -> tuple[int, str, str]:
        return command(main, tmp_path, *words), *capsys.readouterr()

    return run


def test_sound_data_is_told_and_written_down(music: Path, tmp_path: Path, own_folders_here: None) -> None:
    done = entry_point("doctor", "data=folder", "data.root=music", cwd=tmp_path)
    out = done.stdout
    assert done.returncode == 0
    assert "Nothing found that is wrong." in out
    assert "music: 30 of 30 clips usable, 0.0 h of audio; 0 errors, 0 warnings, 0 notes." in out
    rows = read_csv(tmp_path / "outputs/doctor/music/clips.csv")
    assert (len(rows), rows[2]["id"], rows[2]["seconds"], rows[2]["genre"]) == (30, "002.wav", "1.5", "rock")
    summary = json.loads((tmp_path / "outputs/doctor/music/findings.json").read_text())
    assert summary["findings"] == []
    assert summary["classes"] == {"genre": {"jazz": 16, "rock": 14}}
    assert summary["seconds"] == {"shortest": 1.5, "median": 1.5, "longest": 1.5, "total": 45.0}


def test_what_would_spoil_a_result_ends_with_code_one(music: Path, tmp_path: Path, doctor: Doctor) -> None:
    shutil.copy(music / "000.wav", music / "002.wav")
    for _ in range(2):  # the second time from what is known
        code, out, _ = doctor("data=folder", "data.root=music", "task=genre", "workers=1", "out=audit")
        assert code == 1
        assert "copies, other classes" in out
        assert "1 error, 1 warning, 0 notes" in out
    rows = {row["id"]: row for row in read_csv(tmp_path / "audit" / "clips.csv")}
    assert [name for name, row in rows.items() if row["duplicate_of"]] == ["002.wav"]
    assert rows["002.wav"]["duplicate_of"] == "000.wav"
    (error, warning) = json.loads((tmp_path / "audit" / "findings.json").read_text())["findings"]
    assert (error["severity"], warning["severity"]) == ("error", "warning")


def test_warnings_do_not_end_with_an_error(music: Path, doctor: Doctor) -> None:
    (music / "003.wav").unlink()
    code, out, _ = doctor("data=folder", "data.root=music")
    assert code == 0
    assert "29 of 30 clips usable" in out


def test_a_clip_is_too_short_where_training_finds_it_too_short(music: Path) -> None:
    soundfile.write(music / "003.wav", notes(3, 1.2, 8000), 8000)
    assert "too short" not in diagnosis(music)
    for words in (["data.selection.min_seconds=1.4"], ["features.extraction.min_seconds=1.4"]):
        assert diagnosis(music, *words)["too short"].count == 1


def test_several_processes_find_the_same(music: Path, tmp_path: Path) -> None:
    (music / "003.wav").write_bytes(b"")
    soundfile.write(music / "004.wav", notes(1, 9, 8000), 8000)
    for number in range(30, 50):  # enough work for two processes
        soundfile.write(music / f"{number:03}.wav", notes(number, 1.5, 8000), 8000)
    write_table(music, labelled([{"path": f"{number:03}.wav"} for number in range(50)]))
    alone = diagnosis(music)
    shutil.rmtree(tmp_path / "cache")
    together = {finding.name: finding for finding in diagnose(_configured(music, tmp_path, "workers=2"))}
    assert together == alone
    assert {"empty", "unlike lengths"} <= alone.keys()


def _configured(music: Path, tmp_path: Path, *words: str) -> DictConfig:
    cfg = compose("doctor", "data=folder", f"data.root={music}", f"paths.cache={tmp_path / 'cache'}", *words)
    cfg.out = str(tmp_path / "audit")
    return cfg


def test_odd_names_break_neither_table_nor_files(tmp_path: Path, doctor: Doctor) -> None:
    music = tmp_path / "music"
    write_clips(music, 2)
    for name in (b"a\nline.wav", b"bytes\xff.wav", b"[bold]markup[red].wav", b'a,"b".wav'):
        shutil.copy(music / "000.wav", os.path.join(os.fsencode(music), name))
    code, out, err = doctor("data=folder", "data.root=music", "out=audit")
    assert code == 0, err
    assert r"a\nline.wav" in out
    assert "[bold]markup[red].wav = " in out
    with (tmp_path / "audit" / "clips.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = {row["id"] for row in rows}
    assert len(rows) == 6
    assert {"a\nline.wav", r"bytes\xff.wav", "[bold]markup[red].wav", 'a,"b".wav'} <= names
    json.loads((tmp_path / "audit" / "findings.json").read_text(encoding="utf-8"))


def test_names_are_made_fit_for_tables() -> None:
    assert portable("a\udcffb\nc") == "a\\xffb\nc"
    assert on_one_line("a\udcffb\nc\x1b[31m é") == "a\\xffb\\nc\\x1b[31m é"


def test_synthetic_music_is_named_as_such(
    tiny_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["data.source.num_clips=40", "data.source.seconds=3", f"out={tmp_path / 'audit'}"]
    findings = diagnose(compose("doctor", "data=synthetic", "workers=1", *settings))
    assert "SYNTHETIC music, synthetic: 40 of 40 clips usable" in capsys.readouterr().out
    assert not {"same audio twice", "re-encoded copies", "groups across splits"} & {found.name for found in findings}


def test_ready_made_arrays_are_looked_at_as_far_as_that_goes(
    lab_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = diagnose(
        compose("doctor", "data=fma", f"data.root={lab_root}", f"out={tmp_path / 'audit'}", "workers=1")
    )
    out = capsys.readouterr().out
    assert "Ready-made features: lengths, silence, clipping and re-encoded copies are not checked." in out
    assert "clips usable" in out
    assert {"missing", "unreadable"}.isdisjoint(found.name for found in findings)


def test_without_data_it_says_what_can_be_audited(tmp_path: Path, doctor: Doctor) -> None:
    code, _, err = doctor()
    assert code == 2
    assert err.startswith("error: no data is chosen; expected a data set; add data=folder data.root=MUSIC, or")
    assert not (tmp_path / "outputs").exists()


def test_refusals(music: Path) -> None:
    root = f"data.root={music}"
    with pytest.raises(DataNotFoundError, match="data=folder without a folder"):
        diagnose(compose("doctor", "data=folder"))
    with pytest.raises(TaskMismatchError, match="needs the continuous label 'valence'"):
        diagnose(compose("doctor", "data=folder", root, "task=valence"))


def test_the_help_tells_how(doctor: Doctor) -> None:
    code, out, _ = doctor("--help")
    assert code == 0
    assert "python -m music_affect.doctor data=folder data.root=MUSIC" in out
    assert "Exit code 1 where something would spoil a result" in out
