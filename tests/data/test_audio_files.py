from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from music_affect.data.audio_files import EXTENSIONS, AudioFiles, is_audio, printable


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def listed(root: Path) -> list[str]:
    return sorted(AudioFiles(root))


def test_files_are_found_at_any_depth_by_their_extension(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "b.MP3", "cover.jpg", "sub/deep/c.flac", "sub/notes.txt", "sub/labels.csv", "wav", "d.")
    assert listed(tmp_path) == ["a.wav", "b.MP3", "sub/deep/c.flac"]


def test_extensions_of_audio() -> None:
    usual = "wav flac ogg oga opus mp3 m4a mp4 aac wma aif aiff aifc au caf w64 rf64 ape wv ac3 mka webm"
    assert set(usual.split()) <= EXTENSIONS
    for extension in EXTENSIONS:
        assert is_audio(f"live at 3.5.{extension.upper()}")
        assert not is_audio(f"song.{extension}.txt")
        assert not is_audio(extension)


def test_what_is_hidden_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "._a.wav", ".b.wav", ".cache/c.wav", "__MACOSX/._a.wav", "...wav")
    assert listed(tmp_path) == ["a.wav"]


def test_names_are_kept_as_they_are(tmp_path: Path) -> None:
    names = [" a .wav", "line\nbreak.wav", "naïve/é, è.wav", "tab\t.wav", "日本.mp3"]
    touch(tmp_path, *names)
    assert listed(tmp_path) == sorted(names)


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take names in UTF-8 alone")
def test_names_that_are_no_text_are_found(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"")
    (name,) = listed(tmp_path)
    assert os.fsencode(name) == b"caf\xe9.wav"
    assert printable(name) == r"caf\xe9.wav"


def test_links_are_followed_and_no_folder_is_entered_twice(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    touch(outside, "disc/o.wav", "p.wav")
    touch(root, "real/a.wav")
    (root / "disk").symlink_to(outside)  # an attached disk
    (root / "again").symlink_to(root / "real")
    (root / "real" / "up").symlink_to(root)
    (root / "real" / "self").symlink_to("self")
    (root / "song.wav").symlink_to(outside / "p.wav")
    (outside / "back").symlink_to(root / "real")
    assert listed(root) == ["disk/disc/o.wav", "disk/p.wav", "real/a.wav", "song.wav"]


def test_of_two_links_to_a_folder_the_first_by_name_is_taken(tmp_path: Path) -> None:
    touch(tmp_path, "outside/a.wav")
    (tmp_path / "root").mkdir()
    for name in ("z", "b", "m"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "outside")
    assert listed(tmp_path / "root") == ["b/a.wav"]


def test_links_that_lead_nowhere_are_listed_and_pipes_are_not(tmp_path: Path) -> None:
    (tmp_path / "gone.wav").symlink_to(tmp_path / "elsewhere.wav")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "linked.wav").symlink_to(tmp_path / "pipe.wav")
    assert listed(tmp_path) == ["gone.wav", "loop.wav"]


def test_folders_that_cannot_be_read_are_kept_in_mind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.wav", "secret/b.wav", "sub/c.wav")
    scan = os.scandir

    def guarded(path: str) -> object:
        if path.rstrip("/").endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)
    found = AudioFiles(tmp_path)
    assert sorted(found) == ["a.wav", "sub/c.wav"]
    assert found.unreadable == ["secret/"]
    assert sorted(found) == ["a.wav", "sub/c.wav"]
    assert found.unreadable == ["secret/"]
