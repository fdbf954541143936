"""Files that are not there: one error where none is, a line with the likely cause where some are not."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
import soundfile
from audio_files import RATE, music
from running import compose

from music_affect.contracts.errors import DataNotFoundError, LabelError
from music_affect.data.folder import FolderSource
from music_affect.doctor import diagnose
from music_affect.prepare import prepare


def folder(root: Path, there: list[str], named: list[str]) -> FolderSource:
    for name in there:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "labels.csv").write_text("\n".join(["path,genre", *(f"{name},Rock" for name in named)]) + "\n")
    return FolderSource(root)


COMPOSED = unicodedata.normalize("NFC", "Björk.wav")
CAUSES = {
    "letter case": (["Clips/A.wav"], "clips/a.WAV"),
    "Unicode form (NFC or NFD)": ([unicodedata.normalize("NFD", COMPOSED)], COMPOSED),
    "extension": (["clips/a.flac"], "clips/a.mp3"),
    "folder": (["clips/a.wav"], "music/clips/a.wav"),
    "folder and extension": (["clips/a.ogg"], "a"),
    "spelling": (["clips/A song.mp3"], "a_song.wav"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_likely_cause_is_told_with_counts(tmp_path: Path, cause: str) -> None:
    there, named = CAUSES[cause]
    told = f"1 are there with another {cause} ('{named}' is '{there[0]}')"
    with pytest.raises(DataNotFoundError) as caught:
        folder(tmp_path, there, [named]).clips()
    assert caught.value.found == (
        f"none of the 1 files that {tmp_path / 'labels.csv'} names is there (first: '{named}'); {told}"
    )
    assert caught.value.expected == f"paths relative to {tmp_path}"
    source = folder(tmp_path, ["fine.wav", *there], ["fine.wav", named, "gone.wav"])
    assert len(source.clips()) == 3
    (line,) = [remark for remark in source.remarks() if "missing" in remark]
    assert line == f"2 of 3 files are missing and left out (first: '{named}'); {told}."


def test_what_is_nowhere_is_missing_without_a_guess(tmp_path: Path) -> None:
    source = folder(tmp_path, ["fine.wav"], ["fine.wav", "gone.wav"])
    assert "1 of 2 files are missing and left out (first: 'gone.wav')." in source.remarks()


def test_backslashes_are_read_as_slashes_with_a_word(tmp_path: Path) -> None:
    source = folder(tmp_path, ["clips/a.wav", "clips/b.wav"], [r"clips\a.wav", r".\clips\b.wav"])
    assert [clip.path for clip in source.clips()] == [tmp_path / "clips" / "a.wav", tmp_path / "clips" / "b.wav"]
    assert [clip.id for clip in source.clips()] == ["clips/a.wav", "clips/b.wav"]
    assert r"2 paths have backslashes, read as slashes (first: 'clips\a.wav')." in source.remarks()
    odd = folder(tmp_path / "odd", [r"a\b.wav"], [r"a\b.wav"])
    assert [clip.path.name for clip in odd.clips()] == [r"a\b.wav"]


@pytest.mark.parametrize("path", [r"..\a.wav", r"clips\..\..\a.wav"])
def test_backslashes_lead_to_no_file_outside(tmp_path: Path, path: str) -> None:
    with pytest.raises(LabelError, match="expected a path inside the folder"):
        folder(tmp_path, ["fine.wav"], ["fine.wav", path]).clips()


def test_a_path_of_another_machine_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(
        DataNotFoundError, match=r"1 are there with another folder \('C:/Music/a.wav' is 'clips/a.wav'\)"
    ):
        folder(tmp_path, ["clips/a.wav"], [r"C:\Music\a.wav"]).clips()


def test_every_command_calls_it_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "music"
    folder(root, ["b.ogg"], ["a.wav", "b.wav"])
    soundfile.write(root / "a.wav", music(1), RATE)
    monkeypatch.setenv("MUSIC_AFFECT_CACHE", str(tmp_path / "cache"))
    words = ["data=folder", f"data.root={root}", "workers=1"]
    account = prepare(compose("prepare", *words, "variants=[full]"))
    assert (account.made, account.skipped) == (1, {"missing": 1})
    cfg = compose("doctor", *words)
    cfg.out = str(tmp_path / "audit")
    assert "missing" in {finding.name for finding in diagnose(cfg)}
    told = " ".join(capsys.readouterr().out.split())
    assert told.count("1 of 2 files are missing and left out (first: 'b.wav'); 1 are there with another extension") == 2
    assert "retry" not in told
    soundfile.write(root / "b.wav", music(2), RATE)
    assert prepare(compose("prepare", *words, "variants=[full]")).made == 1
