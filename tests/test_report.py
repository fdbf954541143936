"""``python -m music_affect.report`` over one run, over many, and over what is neither."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from running import entry_point
from sweep_folders import settings_of, write_cell, write_state

from music_affect import report


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    """Runs the entry point in this process; answers with its exit code, output and errors."""

    def asked(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["report", *map(str, words)])
        try:
            report.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return (code, *capsys.readouterr())

    return asked


def test_a_folder_of_runs_gets_a_sweep_report(tmp_path: Path, ask) -> None:  # type: ignore[no-untyped-def]
    for seed in range(2):
        write_cell(tmp_path / "sweep" / f"run-s{seed}", seed=seed)
    assert ask(tmp_path / "sweep") == (0, f"{tmp_path / 'sweep' / 'report.html'}\n", "")
    assert {path.name for path in (tmp_path / "sweep").iterdir() if path.is_file()} == {
        "report.html", "report.md", "leaderboard.csv"}  # fmt: skip


def test_out_puts_all_runs_into_one_report_elsewhere(tmp_path: Path, ask) -> None:  # type: ignore[no-untyped-def]
    write_cell(tmp_path / "one" / "run", model="cnn")
    write_cell(tmp_path / "other-run", model="ast")
    code, _, _ = ask(tmp_path / "one", tmp_path / "other-run", "--out", tmp_path / "out")
    assert code == 0
    assert "| configurations | 2 |" in (tmp_path / "out" / "report.md").read_text()
    assert not (tmp_path / "one" / "report.html").exists()


def test_a_single_run_gets_its_own_report(tmp_path: Path, ask) -> None:  # type: ignore[no-untyped-def]
    folder = write_state(tmp_path / "run", "failed", settings_of(), reason="no data")
    code, _, told = ask(folder)
    assert code == 1
    assert told.startswith(f"error: {folder} lacks ")
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("place", ["missing", "empty", "file"])
def test_what_holds_no_run_is_told_in_a_sentence(tmp_path: Path, ask, place: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    code, output, told = ask(tmp_path / place)
    assert (code, output) == (1, "")
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert place in told


def test_a_half_written_run_does_not_hide_the_others(tmp_path: Path, ask) -> None:  # type: ignore[no-untyped-def]
    write_cell(tmp_path / "a")
    write_cell(tmp_path / "b", seed=1)
    (tmp_path / "b" / "metrics.json").write_text('{"status": "do')
    assert ask(tmp_path)[0] == 0
    assert "| b | broken | metrics.json cannot be read (" in (tmp_path / "report.md").read_text()


def test_help_and_a_mistake_in_a_process_of_their_own(tmp_path: Path) -> None:
    helped = entry_point("report", "--help", cwd=tmp_path)
    assert helped.returncode == 0
    assert "--out FOLDER" in helped.stdout
    assert "multirun" in helped.stdout
    refused = entry_point("report", "nowhere", cwd=tmp_path)
    assert refused.returncode == 1
    assert (
        refused.stderr == "error: nowhere is no folder; expected the folder of a run or of a sweep; correct the path.\n"
    )
