"""Whose clips these are: columns that group nothing, tags and folders instead, and the alarm before training."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from audio_files import RATE, music
from mutagen.flac import FLAC
from running import compose

from music_affect.configuration import build
from music_affect.contracts.errors import LabelError
from music_affect.data.file_groups import SAMPLED
from music_affect.data.folder import FolderSource
from music_affect.data.tags import gain_remark, owner
from music_affect.evaluation.judging import data_alarms
from music_affect.training.experiment import prepare


def folder(
    root: Path, paths: list[str], extra: str = "", cells: list[str] | None = None, **settings: object
) -> FolderSource:
    """Empty files of two genres in turn, with a further column."""
    root.mkdir(exist_ok=True)
    lines = [f"path,genre{extra and ','}{extra}"]
    for place, path in enumerate(paths):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
        lines.append(f"{path},{('Rock', 'Jazz')[place % 2]}{',' + cells[place] if cells else ''}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return FolderSource(root, **settings)  # type: ignore[arg-type]


FOUR = [f"{place}.wav" for place in range(4)]


@pytest.mark.parametrize("name", ["track_id", "group", "Album"])
def test_a_group_that_is_different_in_every_row_groups_nothing(tmp_path: Path, name: str) -> None:
    source = folder(tmp_path, FOUR, name, ["a", "b", "c", "d"])
    assert f"'{name}' is different in every row and groups nothing; it is not taken as the group." in source.remarks()
    assert (source.whose() or "").startswith("No column of labels.csv says whose clips these are.")
    assert {clip.group for clip in source.clips()} == {None}


def test_an_artist_a_clip_is_told_and_no_open_question(tmp_path: Path) -> None:
    source = folder(tmp_path, FOUR, "artist", ["a", "b", "c", "d"])
    assert "labels.csv: group=artist (4 of 4 clips, different in every row, so it groups nothing)." in source.remarks()
    assert source.whose() is None


def test_a_column_that_groups_goes_before_one_that_does_not(tmp_path: Path) -> None:
    source = folder(tmp_path, FOUR, "track_id,Album", ["a,x", "b,x", "c,y", "d,y"])
    assert [clip.group for clip in source.clips()] == ["x", "x", "y", "y"]


def test_a_column_that_looks_like_a_group_is_offered(tmp_path: Path) -> None:
    source = folder(tmp_path, FOUR, "Main artist", ["x", "x", "y", "y"])
    assert "'Main artist' looks as if it did: data.source.group='Main artist'." in (source.whose() or "")
    assert [clip.group for clip in FolderSource(tmp_path, group="main_artist").clips()] == ["x", "x", "y", "y"]


def tagged(root: Path, **tags: dict[str, str]) -> Path:
    root.mkdir(exist_ok=True)
    for number, (name, found) in enumerate(tags.items()):
        soundfile.write(root / f"{name}.flac", music(number, 1.0), RATE)
        file = FLAC(root / f"{name}.flac")
        file.update(found)
        file.save()
    return root


def test_tags_say_whose_a_file_is(tmp_path: Path) -> None:
    root = tagged(tmp_path, a={"ARTIST": "Ann"}, b={"album": "Second"}, c={"artist": "", "album": "unknown"}, d={})
    soundfile.write(root / "e.mp3", music(1), RATE)
    from mutagen.id3 import ID3, TALB, TPE1

    tags = ID3()
    tags.add(TPE1(text=["Bob", "Ann"]))
    tags.add(TALB(text="First"))
    tags.save(root / "e.mp3")
    with soundfile.SoundFile(root / "f.wav", "w", RATE, 1) as file:
        file.artist = "Cid"  # an INFO chunk, as ffmpeg writes it
        file.write(music(2))
    (root / "g.mp3").write_bytes(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(99))
    found = [owner(path) for path in [*sorted(root.iterdir()), root / "nowhere.mp3"]]
    assert found == ["Ann", "Second", "unknown", None, "Bob", "Cid", None, None]


def test_tags_of_a_gain_are_a_remark(tmp_path: Path) -> None:
    from mutagen.apev2 import APEv2
    from mutagen.id3 import ID3, TXXX

    root = tagged(tmp_path, a={"REPLAYGAIN_TRACK_GAIN": "-6.1 dB"}, b={"artist": "Ann"}, c={"R128_TRACK_GAIN": "256"})
    for name in ("d", "e"):
        soundfile.write(root / f"{name}.mp3", music(1), RATE)
    tags = ID3()
    tags.add(TXXX(desc="replaygain_album_gain", text="-7 dB"))
    tags.save(root / "d.mp3")
    undo = APEv2()
    undo["MP3GAIN_UNDO"] = "+002,+002,N"
    undo.save(root / "e.mp3")
    paths = sorted(root.glob("*.[fm]*"))
    assert str(gain_remark([*paths, root / "nowhere.mp3"])).startswith("4 of 6 files have tags of ReplayGain, mp3gain")
    assert gain_remark([root / "b.flac"]) is None
    assert gain_remark([]) is None


def test_a_gain_is_told_where_loudness_is_an_input(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = tagged(tmp_path / "music", **{f"t{n}": {"REPLAYGAIN_TRACK_GAIN": "-6.1 dB"} for n in range(4)})
    parts = ("Rock,train", "Jazz,train", "Rock,test", "Jazz,test")
    lines = [f"t{number}.flac,{cells}" for number, cells in enumerate(parts)]
    (root / "labels.csv").write_text("\n".join(["path,genre,split", *lines, ""]))
    for features, told in (("fused_loudness", 1), ("fused", 0)):
        caplog.clear()
        cfg = compose("train", "data=folder", f"data.root={root}", f"features={features}", "workers=1", "task=genre")
        prepare(cfg, build.source(cfg))
        assert sum("4 of 4 files have tags of ReplayGain" in message for message in caplog.messages) == told


def test_tags_are_offered_and_used(tmp_path: Path) -> None:
    tags = {f"t{n}": {"artist": ("Ann", "ANN ", "Bob", "bob")[n]} for n in range(4)}
    root = tagged(tmp_path, **tags)
    paths = [f"t{n}.flac" for n in range(4)]
    (root / "labels.csv").write_text("path,genre\n" + "".join(f"{path},Rock\n" for path in paths))
    offer = FolderSource(root).whose() or ""
    assert "4 of 4 files carry artist or album tags (2 different ones, e.g. 'Ann'): data.source.group=tags" in offer
    source = FolderSource(root, group="tags")
    assert [clip.group for clip in source.clips()] == ["Ann", "Ann", "Bob", "Bob"]
    assert "group=tags: 2 groups of 4 clips (first: 'Ann')." in source.remarks()
    assert source.whose() is None


def test_no_more_than_a_sample_is_asked_for_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("music_affect.data.file_groups.owner", asked.append)
    folder(tmp_path, [f"{place}.wav" for place in range(3 * SAMPLED)]).whose()
    assert len(asked) == SAMPLED


@pytest.mark.parametrize(
    ("paths", "groups"),
    [
        (["Ann/One/a.wav", "Ann/Two/b.wav", "Bob/c.wav", "Bob/d.wav"], ["Ann", "Ann", "Bob", "Bob"]),
        (["clips/Ann/a.wav", "clips/Ann/b.wav", "clips/Bob/c.wav", "d.wav"],
         ["clips/Ann", "clips/Ann", "clips/Bob", None]),
        (["Rock/Ann/a.wav", "Jazz/Bob/b.wav", "Rock/Ann/c.wav", "Jazz/Bob/d.wav", "Rock/Cid/e.wav"],
         ["Rock/Ann", "Jazz/Bob", "Rock/Ann", "Jazz/Bob", "Rock/Cid"]),
        (["train/Ann/a.wav", "train/Ann/b.wav", "test/Bob/c.wav", "test/Cid/d.wav"],
         ["train/Ann", "train/Ann", "test/Bob", "test/Cid"]),
    ],
)  # fmt: skip
def test_folders_are_offered_and_used(tmp_path: Path, paths: list[str], groups: list[str | None]) -> None:
    assert "data.source.group=folder keeps those of one together" in (folder(tmp_path, paths).whose() or "")
    source = folder(tmp_path, paths, group="folder")
    assert [clip.group for clip in source.clips()] == groups
    assert source.whose() is None


@pytest.mark.parametrize(
    "paths", [FOUR, ["Rock/a.wav", "Jazz/b.wav", "Rock/c.wav", "Jazz/d.wav"], ["a/a.wav", "b/b.wav"]]
)
def test_folders_of_classes_or_of_single_files_are_not(tmp_path: Path, paths: list[str]) -> None:
    assert "group=folder" not in (folder(tmp_path, paths).whose() or "")
    with pytest.raises(LabelError, match=r"data\.source\.group=folder, and .* files tell a group so"):
        folder(tmp_path, paths, group="folder").clips()


def test_a_column_of_that_name_goes_first(tmp_path: Path) -> None:
    source = folder(tmp_path, FOUR, "folder", ["x", "x", "y", "y"], group="folder")
    assert [clip.group for clip in source.clips()] == ["x", "x", "y", "y"]


def test_clips_of_nobody_are_an_alarm_before_training_and_in_the_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    root = tmp_path / "music"
    root.mkdir()
    for number in range(12):
        soundfile.write(root / f"{number}.wav", music(number, 1.0), RATE)
    rows = [f"{number}.wav,{('Rock', 'Jazz')[number % 2]}" for number in range(12)]
    parts = [f"{row},{'test' if number > 7 else 'train'}" for number, row in enumerate(rows)]
    artists = [f"{row},a{number // 2}" for number, row in enumerate(rows)]
    found, lines = {}, {}
    for column, table in {"": rows, ",split": parts, ",fold": parts, ",artist": artists}.items():
        table = [row.replace("train", "0").replace("test", "1") for row in table] if column == ",fold" else table
        (root / "labels.csv").write_text("\n".join([f"path,genre{column}", *table]) + "\n")
        for fold in (None, 1) if column == ",fold" else (None,):
            words = [f"data.root={root}", "task=genre", "model=mlp", "features=mfcc", "workers=1"]
            cfg = compose("train", "data=folder", *words, *([] if fold is None else [f"data.fold={fold}"]))
            caplog.clear()
            alarms = data_alarms(prepare(cfg, build.source(cfg)), None)
            found[column, fold] = "unknown groups" in [alarm.name for alarm in alarms]
            lines[column, fold] = "\n".join([*caplog.messages, *(alarm.message for alarm in alarms)])
    assert found == {
        ("", None): True, (",split", None): False, (",fold", None): True, (",fold", 1): False, (",artist", None): False,
    }  # fmt: skip
    assert "No column of labels.csv says whose clips these are." in lines["", None]
    assert "on Emotify by .09 of macro F1" in lines["", None]
    assert "The parts that the data set prescribes may share artists" in lines[",split", None]
    assert "says whose clips these are" not in lines[",artist", None]


def test_a_group_may_be_left_open(tmp_path: Path) -> None:
    source = folder(tmp_path, FOUR, "artist", ["x", "x", "y", "y"], group="")
    assert {clip.group for clip in source.clips()} == {None}
    assert source.whose() == "data.source.group='' leaves it open whose clips these are."
