from __future__ import annotations

from pathlib import Path

import pytest

from music_affect.contracts.errors import DataNotFoundError, LabelError, MusicAffectError
from music_affect.contracts.spec import Categorical, Continuous
from music_affect.data.folder import FolderSource

TABLE = """path,id,genre,mood,valence,tempo,artist,split,fold,title
a.wav,1,Rock,calm,0.5,120,Ann,train,0,One
b.wav,2,Jazz,,0.25,90,Bob,val,1,Two
c.wav,3,Rock,wild,,133.5,,test,2,Three
sub/d.wav,,Jazz,calm,1,100,Ann,,,Four
"""


def folder(root: Path, table: str | bytes, **settings: object) -> FolderSource:
    root.mkdir(exist_ok=True)
    content = table if isinstance(table, bytes) else table.encode()
    (root / "labels.csv").write_bytes(content)
    (root / "a.wav").touch()  # a table none of whose files is there is refused
    (root / "a").touch()
    (root / "a, live.wav").touch()
    (root / "0.wav").touch()
    return FolderSource(root, **settings)  # type: ignore[arg-type]


def refusal(root: Path, table: str | bytes, **settings: object) -> LabelError:
    """The error that reading the table ends with; its text is complete."""
    with pytest.raises(LabelError) as caught:
        folder(root, table, **settings).clips()
    assert str(caught.value) == f"{caught.value.found}; expected {caught.value.expected}; {caught.value.fix}."
    assert str(root / "labels.csv") in caught.value.found
    return caught.value


def test_columns_are_recognised(tmp_path: Path) -> None:
    source = folder(tmp_path / "songs", TABLE)
    assert source.name == "songs"
    assert source.targets == {
        "genre": Categorical(("Jazz", "Rock")),
        "mood": Categorical(("calm", "wild")),
        "valence": Continuous(0.0, 1.0),
        "tempo": Continuous(None, None),
    }


def test_clips_carry_what_the_table_says(tmp_path: Path) -> None:
    first, second, third, fourth = folder(tmp_path, TABLE).clips()
    assert first.labels == {"genre": "Rock", "mood": "calm", "valence": 0.5, "tempo": 120.0}
    assert (first.id, first.path, first.group, first.split, first.fold) == ("1", tmp_path / "a.wav", "Ann", "train", 0)
    assert second.labels == {"genre": "Jazz", "valence": 0.25, "tempo": 90.0}
    assert third.labels == {"genre": "Rock", "mood": "wild", "tempo": 133.5}
    assert third.group is None
    assert (fourth.id, fourth.path, fourth.split, fourth.fold) == (
        "sub/d.wav", tmp_path / "sub" / "d.wav", None, None,
    )  # fmt: skip


def test_text_that_hardly_recurs_and_constant_text_are_no_classes(tmp_path: Path) -> None:
    rows = "".join(f"{i}.wav,comment {i},same\n" for i in range(8))
    assert folder(tmp_path, f"path,comment,constant\n{rows}").targets == {}


def test_declared_columns_replace_detection(tmp_path: Path) -> None:
    source = folder(tmp_path, TABLE, class_targets=["tempo"], continuous_targets=["valence"], group="mood")
    assert source.targets == {"tempo": Categorical(("100", "120", "133.5", "90")), "valence": Continuous(0.0, 1.0)}
    assert [clip.group for clip in source.clips()] == ["calm", None, "wild", "calm"]
    assert source.clips()[0].labels == {"tempo": "120", "valence": 0.5}


def test_group_can_be_switched_off_and_split_and_fold_renamed(tmp_path: Path) -> None:
    table = TABLE.replace("split,fold", "part,number")
    clips = folder(tmp_path, table, group="", split="part", fold="number").clips()
    assert [(clip.group, clip.split, clip.fold) for clip in clips] == [
        (None, "train", 0), (None, "val", 1), (None, "test", 2), (None, None, None),
    ]  # fmt: skip


@pytest.mark.parametrize("column", ["group", "artist", "artist_id", "track_id", "album"])
def test_group_columns_are_found_and_never_offered_as_labels(tmp_path: Path, column: str) -> None:
    source = folder(tmp_path, f"path,{column},genre\na,x,P\nb,y,Q\nc,x,P\nd,y,Q\n")
    assert [clip.group for clip in source.clips()] == ["x", "y", "x", "y"]
    assert list(source.targets) == ["genre"]


def test_tables_written_by_spreadsheets_are_read(tmp_path: Path) -> None:
    rows = ['"a, live.wav", Rock ', "", "b.wav,Jazz", ",", "c.wav,Rock,, ,", " ,,,", "d.wav,Jazz"]
    table = "\r\n".join(["\ufeffpath, genre ,,", *rows, ""])
    clips = folder(tmp_path, table).clips()
    assert [clip.path.name for clip in clips] == ["a, live.wav", "b.wav", "c.wav", "d.wav"]
    assert [clip.labels["genre"] for clip in clips] == ["Rock", "Jazz", "Rock", "Jazz"]


@pytest.mark.parametrize(
    ("header", "row", "cells", "named"),
    [
        ("path,title,genre", "b.wav,Hello, World,Blues", 4, "'Blues' belongs"),
        ("path,title,genre,", "b.wav,Hello, World,Blues", 4, "'Blues' belongs"),  # the last column has no name
        ("path,title,genre", "b.wav,a,b,Blues,,x", 6, "'Blues,,x' belong"),
    ],
)
def test_cells_that_belong_to_no_column_are_refused_with_their_line(
    tmp_path: Path, header: str, row: str, cells: int, named: str
) -> None:
    error = refusal(tmp_path, f'{header}\na.wav,"two\nlines",Rock\n\n{row}\n')
    assert error.found.startswith(f"line 5 of {tmp_path / 'labels.csv'} has {cells} cells ({named}")
    assert error.expected == "3, as the header has"
    assert error.fix.startswith("put quotes around the cell")


def test_columns_named_twice_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, "path,genre, genre\na.wav,Rock,Jazz\n")
    assert error.found.endswith("lists 1 columns more than once (first: 'genre')")


def test_missing_path_column_names_the_nearest(tmp_path: Path) -> None:
    error = refusal(tmp_path, TABLE.replace("path,", "paths,", 1))
    assert "has no column 'path', did you mean 'paths'?" in error.found
    assert error.expected.startswith("one of its columns: paths, id, genre")
    assert "rename the column" in error.fix


@pytest.mark.parametrize(
    "settings", [{"class_targets": ["gener"]}, {"group": "gener"}, {"continuous_targets": ["gener"]}]
)
def test_declared_column_that_is_missing_names_the_nearest(tmp_path: Path, settings: dict[str, object]) -> None:
    assert "has no column 'gener', did you mean 'genre'?" in refusal(tmp_path, TABLE, **settings).found


@pytest.mark.parametrize("path", ["/etc/a.wav", "../a.wav", "sub/../../a.wav", "a\0.wav", ""])
def test_paths_outside_the_folder_are_refused(tmp_path: Path, path: str) -> None:
    error = refusal(tmp_path, TABLE.replace("b.wav", path))
    assert f"names the file '{path}'" in error.found
    assert error.expected == "a path inside the folder"
    assert "relative path" in error.fix


def test_ids_that_no_index_can_hold_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, TABLE.replace("b.wav,2", "b.wav,2\0"))
    assert error.found.endswith("has an id with a NUL byte for b.wav")


@pytest.mark.parametrize(
    ("row", "named"),
    [("a.wav,1,Rock", "1"), ("z.wav,1,Rock", "1"), ("a.wav,9,Rock", "a.wav"), ("./a.wav,9,Rock", "a.wav")],
)
def test_clips_listed_twice_are_refused(tmp_path: Path, row: str, named: str) -> None:
    error = refusal(tmp_path, f"path,id,genre\na.wav,1,Rock\nb.wav,2,Jazz\n{row}\n")
    assert "lists 1 clips more than once" in error.found or "lists 2 clips more than once" in error.found
    assert f"{named}')" in error.found
    assert error.expected == "one row a clip, with unique ids and paths"
    assert error.fix == "remove the repeated rows"


def test_unknown_split_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, TABLE.replace(",val,", ",later,"))
    assert "has the split 'later' for b.wav" in error.found
    assert error.expected == "train, val or test"
    assert "data.source.split" in error.fix


@pytest.mark.parametrize("fold", ["one", "-1", "1.5", "²"])
def test_fold_that_is_no_number_is_refused(tmp_path: Path, fold: str) -> None:
    error = refusal(tmp_path, TABLE.replace(",val,1,", f",val,{fold},"))
    assert f"has the fold '{fold}' for b.wav" in error.found
    assert error.expected == "a whole number from 0"
    assert "data.source.fold" in error.fix


@pytest.mark.parametrize("cell", ["fast", "inf", "1_000", "0,5"])
def test_text_in_a_declared_number_column_is_refused(tmp_path: Path, cell: str) -> None:
    table = TABLE.replace("133.5", f'"{cell}"')
    error = refusal(tmp_path, table, continuous_targets=["tempo"])
    assert f"has '{cell}' in the number column 'tempo' for c.wav" in error.found
    assert error.expected == "a number or an empty cell"
    point = " (decimals are written with a point)" if cell == "0,5" else ""
    assert error.fix.startswith(f"correct the cell{point}, or add \"data.source.missing=['{cell}']\"")


def test_header_without_rows_and_empty_file_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, TABLE.splitlines()[0] + "\n")
    assert "has a header and no rows" in error.found
    assert error.fix == "list the audio files in it"
    assert "none, the file is empty" in refusal(tmp_path, "").expected


def test_latin_1_is_refused_with_its_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, "path,genre\nä.wav,Rock\n".encode("latin-1"))
    assert "is not a readable table (line 2 is no UTF-8; as Windows-1252 it reads 'ä.wav,Rock')" in error.found
    assert error.expected == "comma-separated UTF-8 text with a header line"
    assert error.fix == "save it again as CSV in UTF-8"


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(99), b"PK\x03\x04\x14\xff\xfe\n", bytes(range(256))])
def test_a_spreadsheet_under_the_name_of_a_table_is_no_text(tmp_path: Path, content: bytes) -> None:
    error = refusal(tmp_path, content)
    assert error.found.endswith(
        "is not a readable table (it holds bytes that are no text, as spreadsheets and archives do)"
    )
    assert error.fix == "save it again as CSV in UTF-8"


def test_missing_folder_and_missing_table_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="no such folder") as caught:
        FolderSource(tmp_path / "nowhere").clips()
    assert str(tmp_path / "nowhere" / "labels.csv") in caught.value.found
    assert "set data.root" in caught.value.fix
    with pytest.raises(DataNotFoundError, match="an existing folder without that file"):
        _ = FolderSource(tmp_path).targets


def test_no_folder_at_all_points_to_the_synthetic_corpus() -> None:
    with pytest.raises(MusicAffectError, match=r"data=folder without a folder; .*data\.root=PATH.*data=synthetic"):
        FolderSource(None)
