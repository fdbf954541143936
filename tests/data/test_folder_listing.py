"""A folder of audio without a table: every file a clip; and beside a table: the files that it does not name."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from running import compose

from music_affect.configuration import build
from music_affect.configuration.compatibility import check_task
from music_affect.contracts.errors import DataNotFoundError, LabelError, TaskMismatchError
from music_affect.data.folder import FolderSource
from music_affect.data.source import Clip


def audio(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def test_without_a_table_every_audio_file_is_a_clip_without_labels(tmp_path: Path) -> None:
    source = FolderSource(audio(tmp_path, "b.mp3", "a/c.wav", "a/._c.wav", "cover.jpg", "B.flac"))
    assert source.targets == {}
    assert source.clips() == [
        Clip("B.flac", tmp_path / "B.flac"),
        Clip("a/c.wav", tmp_path / "a" / "c.wav"),
        Clip("b.mp3", tmp_path / "b.mp3"),
    ]
    assert source.remarks() == []


def test_labels_can_be_left_out_by_configuration(tmp_path: Path) -> None:
    audio(tmp_path, "a.wav", "b.wav")
    (tmp_path / "labels.csv").write_text("path,genre\na.wav,Rock\n")
    words = ["data=folder", f"data.root={tmp_path}"]
    assert [clip.id for clip in build.source(compose("train", *words)).clips()] == ["a.wav"]
    source = build.source(compose("train", *words, "data.source.labels=null"))
    assert [clip.id for clip in source.clips()] == ["a.wav", "b.wav"]
    assert source.targets == {}


def test_training_without_labels_is_refused_with_the_way_out(tmp_path: Path) -> None:
    audio(tmp_path, "a.wav")
    for words, reason in (([], f"no {tmp_path / 'labels.csv'};"), (["data.source.labels=null"], "labels=null leaves")):
        cfg = compose("train", "data=folder", f"data.root={tmp_path}", "task=genre", *words)
        with pytest.raises(TaskMismatchError) as caught:
            check_task(cfg, build.source(cfg))
        assert "offers no labels" in caught.value.found
        assert reason in caught.value.found
        assert "learning needs a table with 'path' and 'genre'" in caught.value.found


@pytest.mark.parametrize(
    "settings", [{"labels": "tags.csv"}, {"class_targets": ["genre"]}, {"ranges": {"valence": [1, 9]}}, {"group": "x"}]
)
def test_a_table_that_is_asked_for_has_to_be_there(tmp_path: Path, settings: dict[str, object]) -> None:
    audio(tmp_path, "a.wav")
    with pytest.raises(DataNotFoundError, match="no table of labels at"):
        FolderSource(tmp_path, **settings).clips()  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", ["labels.csv", None])
def test_a_folder_with_neither_names_both(tmp_path: Path, labels: str | None) -> None:
    (tmp_path / "notes.txt").write_text("nothing to hear")
    with pytest.raises(DataNotFoundError) as caught:
        FolderSource(tmp_path, labels=labels).clips()
    table = f"no table of labels at {tmp_path / 'labels.csv'} (an existing folder without that file) and "
    assert caught.value.found == f"{table if labels else ''}no audio files below {tmp_path}"


def test_a_table_that_cannot_be_read_is_no_reason_to_do_without(tmp_path: Path) -> None:
    audio(tmp_path, "a.wav", "labels.csv/b.wav")
    with pytest.raises(LabelError, match=r"labels\.csv is a folder; expected a table of labels"):
        FolderSource(tmp_path).clips()
    link = audio(tmp_path / "linked", "a.wav") / "labels.csv"
    link.symlink_to(tmp_path / "gone.csv")
    with pytest.raises(DataNotFoundError, match="no table of labels at"):
        FolderSource(link.parent).clips()
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(LabelError, match=r"labels\.csv cannot be read \(.*symbolic links.*\); expected a table that"):
        FolderSource(link.parent).clips()


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take names in UTF-8 alone")
def test_names_that_are_no_text_get_ids_that_are(tmp_path: Path) -> None:
    names = [b"\xff.wav", rb"\xff.wav", b"\xfe/\xe9.wav", b"line\nbreak.wav"]
    audio(tmp_path, *map(os.fsdecode, names))
    clips = FolderSource(tmp_path).clips()
    assert sorted(os.fsencode(clip.path.relative_to(tmp_path)) for clip in clips) == sorted(names)
    assert len({clip.id.encode("utf-8") for clip in clips}) == len(names)
    paths = {clip.id: os.fsencode(clip.path.relative_to(tmp_path)) for clip in clips}
    assert paths[r"\xff.wav"] == rb"\xff.wav"  # a name that is text is its own id
    assert paths["\\xff.wav\\"] == b"\xff.wav"
    assert paths[r"\xfe/\xe9.wav"] == b"\xfe/\xe9.wav"
    assert paths["line\nbreak.wav"] == b"line\nbreak.wav"


def test_folders_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audio(tmp_path, "a.wav", "secret/b.wav")
    scan = os.scandir

    def guarded(path: str) -> object:
        if path.rstrip("/").endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)
    told = "1 folders cannot be read (first: 'secret/'); what they hold is left out."
    source = FolderSource(tmp_path)
    assert [clip.id for clip in source.clips()] == ["a.wav"]
    assert source.remarks() == [told]
    (tmp_path / "labels.csv").write_text("path,genre\na.wav,Rock\n")
    assert FolderSource(tmp_path).remarks() == [told]


def test_audio_that_no_row_names_is_told(tmp_path: Path) -> None:
    audio(tmp_path, "a.wav", "sub/b.wav", "c.mp3", "sub/d.mp3", "e.txt")
    (tmp_path / "labels.csv").write_text("path,genre\n./a.wav,Rock\nsub//b.wav,Jazz\n")
    assert FolderSource(tmp_path).remarks() == ["2 audio files are not in labels.csv (first: 'c.mp3')."]
    (tmp_path / "labels.csv").write_text("path,genre\na.wav,Rock\nsub/b.wav,Jazz\nc.mp3,Rock\nsub/d.mp3,Jazz\n")
    assert FolderSource(tmp_path).remarks() == []


def test_libraries_that_take_long_to_look_through_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("music_affect.data.folder.COMPARED", 2)
    audio(tmp_path, "a.wav", "b.wav")
    (tmp_path / "labels.csv").write_text("path,genre\na.wav,Rock\n")
    assert len(FolderSource(tmp_path).remarks()) == 1
    audio(tmp_path, "c.wav")
    assert FolderSource(tmp_path).remarks() == []


def test_a_link_within_the_folder_may_be_named(tmp_path: Path) -> None:
    audio(tmp_path / "disk", "a.wav")
    root = audio(tmp_path / "songs", "b.wav")
    (root / "disk").symlink_to(tmp_path / "disk")
    (root / "labels.csv").write_text("path,genre\ndisk/a.wav,Rock\nb.wav,Jazz\n")
    source = FolderSource(root)
    assert [clip.path for clip in source.clips()] == [root / "disk" / "a.wav", root / "b.wav"]
    assert source.remarks() == []
