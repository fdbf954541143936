from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from fma_files import (
    ECHONEST_COLUMNS,
    GENRES,
    TRACK_COLUMNS,
    TRACKS,
    write_echonest,
    write_genres,
    write_table,
    write_tracks,
)

from music_affect.contracts.errors import LabelError
from music_affect.data.fma.genres import Genre, GenreTree
from music_affect.data.fma.tables import Track, read_echonest, read_genres, read_tracks


def refusal(path: Path) -> LabelError:
    read = {"tracks.csv": read_tracks, "genres.csv": read_genres, "echonest.csv": read_echonest}[path.name]
    with pytest.raises(LabelError) as caught:
        read(path)
    assert str(path) in caught.value.found
    assert "fma_metadata.zip again" in caught.value.fix
    return caught.value


def edited(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_tracks_are_read_past_three_header_rows_and_line_breaks_in_cells(tmp_path: Path) -> None:
    tracks = read_tracks(write_tracks(tmp_path))
    assert [track.number for track in tracks] == list(TRACKS)
    assert tracks[0] == Track(2, "small", "train", "Hip-Hop", (21,), "1", "1")
    assert tracks[2] == Track(140, "small", "val", "Folk", (17, 33), "54", "")
    assert tracks[4].split == "test"
    assert tracks[6].top == ""


@pytest.mark.parametrize("corner", ["without", "merged"])
def test_headers_of_two_rows_are_read_too(tmp_path: Path, corner: str) -> None:
    path = write_tracks(tmp_path)
    expected = read_tracks(path)
    lines = path.read_text(encoding="utf-8").split("\n", 3)
    lines[1] = lines[1] if corner == "without" else "track_id" + lines[1]
    path.write_text("\n".join([lines[0], lines[1], lines[3]]), encoding="utf-8")
    assert read_tracks(path) == expected


def test_a_table_is_parsed_once_until_it_changes(tmp_path: Path) -> None:
    path = write_tracks(tmp_path)
    first = read_tracks(path)
    assert read_tracks(path) is first
    write_tracks(tmp_path, {2: {("track", "genre_top"): "Rock", ("track", "title"): "another length"}})
    assert read_tracks(path)[0].top == "Rock"


def test_biographies_longer_than_the_usual_limit_are_read_and_the_limit_is_left_as_it_was(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    path = write_tracks(tmp_path, {5: {("artist", "bio"): "x" * (limit + 1)}})
    assert len(read_tracks(path)) == len(TRACKS)
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("column", "cell", "found", "expected"),
    [
        (("set", "subset"), "tiny", "has the subset 'tiny'", "one of small, medium, large, full"),
        (("set", "split"), "dev", "has the split 'dev'", "training, validation or test"),
        (("track", "genres_all"), "Rock", "has the genres 'Rock'", "numbers in brackets"),
        (("track", "genres_all"), "[1.5]", "has the genres '[1.5]'", "numbers in brackets"),
    ],
)
def test_cells_without_a_meaning_are_refused_with_their_line(
    tmp_path: Path, column: tuple[str, str], cell: str, found: str, expected: str
) -> None:
    error = refusal(write_tracks(tmp_path, {5: {column: cell}}))
    assert error.found.startswith("line 7 of ")  # three header rows; the first track fills three lines
    assert error.found.endswith(found)
    assert expected in error.expected


@pytest.mark.parametrize("number", ["../../x", "-2", "2.0", "1000000", "²", ""])
def test_numbers_that_could_not_be_a_file_are_refused(tmp_path: Path, number: str) -> None:
    rows = [[2, *[""] * len(ECHONEST_COLUMNS)], [number, *[""] * len(ECHONEST_COLUMNS)]]
    error = refusal(write_table(tmp_path, "echonest.csv", ECHONEST_COLUMNS, rows))
    assert error.found.startswith("line 6 of ")
    assert f"has the number '{number}'" in error.found
    assert error.expected == "a whole number of at most six digits"


def test_rows_that_are_too_short_and_cut_off_are_refused(tmp_path: Path) -> None:
    path = write_tracks(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.rindex("elsewhere")], encoding="utf-8")
    error = refusal(path)
    assert f"line {3 + 3 * (len(TRACKS) - 1) + 1} of " in error.found
    assert error.expected == f"{1 + len(TRACK_COLUMNS)}, as the header has"


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    error = refusal(edited(write_tracks(tmp_path), "genre_top", "genre_bottom"))
    assert error.found.endswith("has no column track / genre_top")


def test_headers_alone_repeated_rows_and_other_encodings_are_refused(tmp_path: Path) -> None:
    assert "no rows" in refusal(write_table(tmp_path, "tracks.csv", TRACK_COLUMNS, [])).found
    row = [7, *[""] * len(ECHONEST_COLUMNS)]
    repeated = refusal(write_table(tmp_path, "echonest.csv", ECHONEST_COLUMNS, [row, row]))
    assert "lists 1 numbers more than once (first: '7')" in repeated.found
    path = write_genres(tmp_path, {3: ("Blües", 0, 3)})
    path.write_bytes(path.read_text().encode("latin-1"))
    assert "is not a readable table" in refusal(path).found
    path.write_bytes(b"")
    assert "has no column title" in refusal(path).found
    path.write_text("no\ntable\nat\nall\nin\nhere\n")
    assert "has no column title" in refusal(path).found


def test_tables_that_cannot_be_opened_are_named(tmp_path: Path) -> None:
    for name, read in (("tracks.csv", read_tracks), ("genres.csv", read_genres), ("echonest.csv", read_echonest)):
        (tmp_path / name).mkdir()
        with pytest.raises(
            LabelError, match=rf"{name} cannot be read \(.+\); expected a table that this user may read"
        ):
            read(tmp_path / name)


def test_echonest_keeps_numbers_as_they_are_and_refuses_text(tmp_path: Path) -> None:
    found = read_echonest(write_echonest(tmp_path, {2: (0.5, "", 1.5), 140: ("nan", 0, 1)}))
    assert found[2][0] == 0.5
    assert math.isnan(found[2][1])
    assert found[2][2] == 1.5
    assert math.isnan(found[140][0])
    assert found[140][1:] == (0.0, 1.0)
    error = refusal(write_echonest(tmp_path, {2: (0.5, 0.5, 0.5), 140: (0.1, "high", 0.2)}))
    assert error.found.startswith("line 6 of ")
    assert error.found.endswith("has valence=0.1, energy=high, danceability=0.2")


def test_genres_form_a_tree(tmp_path: Path) -> None:
    genres = read_genres(write_genres(tmp_path))
    assert genres[83] == Genre("Post-Punk", 25)
    tree = GenreTree(genres)
    assert tree.titles == {title for title, _, _ in GENRES.values()}
    assert tree.most_specific_first((21, 83)) == ["Post-Punk", "Punk", "Hip-Hop", "Rock"]
    assert tree.most_specific_first((12, 21)) == ["Rock", "Hip-Hop"]
    assert tree.most_specific_first((99_999,)) == []


def test_a_tree_that_bites_its_tail_comes_to_an_end() -> None:
    tree = GenreTree({1: Genre("a", 2), 2: Genre("b", 1), 3: Genre("c", 1)})
    assert set(tree.most_specific_first((3,))) == {"a", "b", "c"}
