"""Tables as people write them: names of columns and parts in any spelling, separators, encodings, missing values."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import compose

from music_affect.configuration import build
from music_affect.configuration.compatibility import check_task
from music_affect.contracts.errors import ConfigurationError, LabelError, TaskMismatchError
from music_affect.contracts.spec import Categorical, Continuous
from music_affect.data.folder import FolderSource
from music_affect.data.tables.spelling import MISSING, folded

GENRES = ("Rock", "Jazz")


def folder(root: Path, header: str, *rows: str, encoding: str = "utf-8", **settings: object) -> FolderSource:
    """A folder with a table of these lines, and with a file ``0.wav``."""
    (root / "labels.csv").write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    (root / "0.wav").touch()
    return FolderSource(root, **settings)  # type: ignore[arg-type]


def rows(*cells: str, genres: tuple[str, ...] = GENRES) -> list[str]:
    """A row a cell, ``0.wav,Rock,<cell>``, ``1.wav,Jazz,<cell>``, …"""
    return [f"{place}.wav,{genres[place % len(genres)]},{cell}" for place, cell in enumerate(cells)]


def told(source: FolderSource) -> str:
    """Its remarks, but for that on the files that these tests do not write."""
    return "\n".join(remark for remark in source.remarks() if "files are missing" not in remark)


@pytest.mark.parametrize(
    "name",
    ["Artist", "ARTIST_ID", "artist_name", "Artist Name", "artists", "Performer", " artist\u00a0", "ArtistID",
     "\ufeffartist", "artist\u200b", "Album-ID", "Track ID", "BAND"],
)  # fmt: skip
def test_a_group_is_known_in_any_spelling_and_told(tmp_path: Path, name: str) -> None:
    source = folder(tmp_path, f"path,genre,{name}", *rows("x", "x", "y", "y"))
    assert [clip.group for clip in source.clips()] == ["x", "x", "y", "y"]
    assert list(source.targets) == ["genre"]
    assert "(2 of 4 clips)" in told(source)
    assert source.whose() is None


@pytest.mark.parametrize(
    "name", ["PATH", "File", "filename", "file_name", "File Path", "audio", " path ", "\ufeffPath"]
)
def test_paths_are_known_in_any_spelling(tmp_path: Path, name: str) -> None:
    source = folder(tmp_path, f"{name},genre,mood", *rows("calm", "wild", "calm", "wild"))
    assert [clip.id for clip in source.clips()] == ["0.wav", "1.wav", "2.wav", "3.wav"]
    assert list(source.targets) == ["genre", "mood"]


@pytest.mark.parametrize("name", ["Split", "SPLIT ", "subset", "Set", "partition", "dataset_split"])
@pytest.mark.parametrize(
    "words", [("Train", "TEST", "Valid"), ("training", "Testing", "validation"), ("trn", "eval", "dev")]
)
def test_parts_are_known_in_any_spelling_and_counted(tmp_path: Path, name: str, words: tuple[str, ...]) -> None:
    train, test, val = words
    source = folder(tmp_path, f"path,genre,{name}", *rows(train, test, val, train))
    assert [clip.split for clip in source.clips()] == ["train", "test", "val", "train"]
    assert f"split={name.strip()} (train 2, val 1, test 1)" in told(source)
    assert list(source.targets) == ["genre"]


def test_a_word_like_set_whose_cells_are_no_parts_is_no_split(tmp_path: Path) -> None:
    source = folder(tmp_path, "path,genre,set", *rows("a", "b", "a", "b"))
    assert [clip.split for clip in source.clips()] == [None] * 4
    assert list(source.targets) == ["genre", "set"]


def test_a_column_of_parts_by_another_name_is_pointed_out(tmp_path: Path) -> None:
    source = folder(tmp_path, "path,genre,usage", *rows("train", "test", "train", "test"))
    assert "'usage' looks like a split and is not taken as one: data.source.split=usage." in told(source)
    assert {clip.split for clip in source.clips()} == {None}
    taken = folder(tmp_path, "path,genre,Usage", *rows("train", "test", "train", "test"), split="usage")
    assert {clip.split for clip in taken.clips()} == {"train", "test"}


@pytest.mark.parametrize(
    ("cells", "remark"),
    [
        (("train", "val", "train", "val"), "'split' names no test part: test clips are chosen at random"),
        (("test", "val", "test", "val"), "'split' names no train part: there is nothing to train on"),
        (("", "test", "train", "test"), "1 clips without a cell in 'split' are trained on"),
    ],
)
def test_a_split_that_lacks_a_part_says_so(tmp_path: Path, cells: tuple[str, ...], remark: str) -> None:
    assert remark in told(folder(tmp_path, "path,genre,split", *rows(*cells)))


def test_two_words_for_one_part_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        LabelError, match="has both 'eval' and 'test' in the column 'split'; expected one word for each"
    ):
        folder(tmp_path, "path,genre,split", *rows("train", "test", "eval", "train")).clips()


@pytest.mark.parametrize("name", ["Fold", "FOLDS", "fold_id", "cv-fold"])
@pytest.mark.parametrize(
    "cells", [("1", "2", "5"), ("1.0", "2.0", "5."), ("fold1", "Fold 2", "fold_5"), ("k1", "f2", "5")]
)
def test_folds_are_known_in_any_spelling(tmp_path: Path, name: str, cells: tuple[str, ...]) -> None:
    source = folder(tmp_path, f"path,genre,{name}", *rows(*cells))
    assert [clip.fold for clip in source.clips()] == [1, 2, 5]
    assert f"fold={name} (3 of them, 1 to 5; data.fold=NUMBER tests on one)" in told(source)


@pytest.mark.parametrize("setting", ["group", "split", "fold"])
def test_a_column_that_is_named_and_not_there_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(LabelError, match="has no column 'gnere', did you mean 'Genre'"):
        folder(tmp_path, "path,Genre,mood", *rows("a", "b"), **{setting: "gnere"}).clips()


def test_labels_go_by_small_letters_and_settings_name_them_in_any_spelling(tmp_path: Path) -> None:
    header = "path,Genre ,Energy Level"
    source = folder(tmp_path, header, *rows("1", "2", "3", "2"))
    assert source.targets == {"genre": Categorical(("Jazz", "Rock")), "energy_level": Continuous()}
    assert "The column 'Energy Level' is the label energy_level." in told(source)
    named = folder(tmp_path, header, *rows("1", "2", "3", "2"), class_targets=["ENERGY-LEVEL"])
    assert named.targets["energy_level"] == Categorical(("1", "2", "3"))
    ranged = folder(tmp_path, header, *rows("1", "2", "3", "2"), ranges={"Energy_Level": [1, 9]})
    assert ranged.targets["energy_level"] == Continuous(1, 9)
    cfg = compose("train", "data=folder", f"data.root={tmp_path}", "task=genre", "task.target=Genre")
    with pytest.raises(TaskMismatchError, match="label 'Genre', did you mean 'genre'"):
        check_task(cfg, build.source(cfg))


def test_columns_that_differ_in_spelling_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"lists 1 columns more than once \(first: 'artist_name'\)"):
        folder(tmp_path, "path,Artist Name,artist_name", *rows("a", "b")).clips()


def test_groups_in_several_spellings_are_one(tmp_path: Path) -> None:
    names = ("Miles Davis", "miles davis ", "Miles\u00a0Davis", "JAY-Z", "Jay Z", "-1", "1")
    source = folder(tmp_path, "path,genre,artist", *rows(*names))
    groups = [clip.group for clip in source.clips()]
    assert groups == ["Miles Davis"] * 3 + ["JAY-Z"] * 2 + ["-1", "1"]
    assert "2 groups are spelled in several ways and are one each (first: '" in told(source)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_separators_and_encodings_are_read(tmp_path: Path, delimiter: str, encoding: str) -> None:
    lines = ["path,genre,title", '0.wav,Rock,"a, b; c"', "ä.wav,Jazz,d", "2.wav,Rock,e", "3.wav,Jazz,f"]
    quoted = [line.replace('"a, b; c"', "@").replace(",", delimiter).replace("@", '"a, b; c"') for line in lines]
    source = folder(tmp_path, *quoted, encoding=encoding)
    assert [clip.id for clip in source.clips()] == ["0.wav", "ä.wav", "2.wav", "3.wav"]
    assert source.targets == {"genre": Categorical(("Jazz", "Rock"))}
    assert ("separate its columns" in told(source)) == (delimiter != ",")


def test_the_header_alone_decides_what_separates(tmp_path: Path) -> None:
    source = folder(tmp_path, "path;artist, name;genre", *(f"{place}.wav;a, b;c{place % 2}" for place in range(4)))
    assert source.targets == {"genre": Categorical(("c0", "c1"))}
    declared = folder(tmp_path, "sep=;", "path;genre", "0.wav;Rock", "1.wav;Jazz", "2.wav;Rock", "3.wav;Jazz")
    assert [clip.labels for clip in declared.clips()] == [{"genre": "Rock"}, {"genre": "Jazz"}] * 2


def test_decimal_commas_are_numbers_where_they_separate_nothing(tmp_path: Path) -> None:
    source = folder(tmp_path, "path;valence;tempo", "0.wav;0,5;1.000,5", "1.wav;1;2", "2.wav;,25;3")
    assert source.targets == {"valence": Continuous(0, 1)}
    assert [clip.labels["valence"] for clip in source.clips()] == [0.5, 1, 0.25]
    assert "'valence' is written with decimal commas; 0,5 is read as 0.5." in told(source)
    assert source.why_missing("tempo") == "its column has the text '1.000,5' for 0.wav"


@pytest.mark.parametrize("row", ['1.wav,"Rock', '1.wav,"Ro"ck'])
def test_quotes_that_are_not_closed_are_refused_with_their_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(LabelError, match=r"is not a readable table \(line 3: .*; see its quotes\)"):
        folder(tmp_path, "path,genre", "0.wav,Jazz", row, "2.wav,Rock").clips()


@pytest.mark.parametrize("word", [*sorted(MISSING), "NaN", "None", "NULL", "N/A", "\u00a0"])
def test_what_says_nothing_is_missing_in_every_column(tmp_path: Path, word: str) -> None:
    table = [f"{place}.wav,{GENRES[place % 2]},0.{place},a{place % 2},train,{place}" for place in range(4)]
    source = folder(tmp_path, "path,genre,valence,artist,split,fold", *table, f"4.wav{f',{word}' * 5}")
    assert source.targets == {"genre": Categorical(("Jazz", "Rock")), "valence": Continuous(0, 1)}
    last = source.clips()[-1]
    assert (last.labels, last.group, last.split, last.fold) == ({}, None, None, None)
    assert ("'genre' is missing where 1 cells say" in told(source)) == (word != "\u00a0")


def test_a_class_may_be_called_none(tmp_path: Path) -> None:
    table = rows("a", "b", "c", "a", "c", "a", genres=("None", "Rock"))
    source = folder(tmp_path, "path,genre,mood", *table, missing=["B"])
    assert source.targets["genre"] == Categorical(("None", "Rock"))
    assert [clip.labels.get("mood") for clip in source.clips()] == ["a", None, "c", "a", "c", "a"]
    assert list(folder(tmp_path, "path,genre,mood", *table, missing=[]).targets) == ["genre", "mood"]


def test_classes_that_differ_in_spelling_alone_are_pointed_out_and_kept(tmp_path: Path) -> None:
    genres = ("Hip-Hop", "hip hop", "Jazz", "jazz")
    source = folder(tmp_path, "path,genre,x", *rows(*["1"] * 8, genres=genres))
    assert source.targets["genre"] == Categorical(tuple(sorted(genres)))
    assert "'genre' has 2 classes that differ in spelling alone: 'Jazz' (2), 'jazz' (2); write them alike." in told(
        source
    )
    assert "'Hip-Hop' (2), 'hip hop' (2)" in told(source)


@pytest.mark.parametrize(
    ("genres", "reason"),
    [
        (tuple("0123"), r"its column holds numbers \('0', '1', '2', …\)"),
        (tuple(f"style {n}" for n in range(9)), r"its column holds 9 different texts in 12 rows"),
        (("Rock",), r"its column holds 1 different texts in 12 rows \('Rock'\)"),
    ],
)
def test_columns_that_are_no_classes_name_the_word_that_makes_them_some(
    tmp_path: Path, genres: tuple[str, ...], reason: str
) -> None:
    folder(tmp_path, "path,Genre,x", *rows(*["1"] * 12, genres=genres))
    words = ["data=folder", f"data.root={tmp_path}", "task=genre"]
    cfg = compose("train", *words)
    with pytest.raises(TaskMismatchError, match=rf"{reason}.*; add data\.source\.class_targets=\[genre\]"):
        check_task(cfg, build.source(cfg))
    cfg = compose("train", *words, "data.source.class_targets=[genre]")
    check_task(cfg, build.source(cfg))
    assert build.source(cfg).targets["genre"] == Categorical(tuple(sorted(set(genres))))


def test_the_first_text_among_numbers_is_named_with_the_way_out(tmp_path: Path) -> None:
    folder(tmp_path, "path,genre,valence", *rows("0.1", "nan", "high", "0.4"))
    words = ["data=folder", f"data.root={tmp_path}", "task=affect", "task.targets=[valence]"]
    cfg = compose("train", *words)
    with pytest.raises(TaskMismatchError) as caught:
        check_task(cfg, build.source(cfg))
    assert "its column has the text 'high' for 2.wav" in caught.value.found
    assert "\"data.source.missing=['nan', 'high']\"" in caught.value.fix
    cfg = compose("train", *words, "data.source.missing=['nan','high']")
    check_task(cfg, build.source(cfg))


def test_numbers_may_be_names_and_a_class_of_numbers_and_text_is_pointed_out(tmp_path: Path) -> None:
    source = folder(
        tmp_path, "path,5,7", *rows("0.5", "0.1", "bad", "0.5", "0.1", "bad"), class_targets=[5, 7], group=5
    )
    assert list(source.targets) == ["5", "7"]
    assert source.clips()[0].group == "Rock"
    assert "'7' is taken as a class: it has numbers and the text 'bad' for 2.wav." in told(source)


@pytest.mark.parametrize("name", ["Composer", "Speaker ID"])
def test_a_group_that_a_task_asks_for_names_the_way_out(tmp_path: Path, name: str) -> None:
    folder(tmp_path, f"path,genre,{name}", *rows("x", "x", "y", "y"))
    label = folded(name)
    cfg = compose("train", "data=folder", f"data.root={tmp_path}", "task=genre", f"task.target={label}")
    way = rf"its column is taken as the group.*; add data\.source\.class_targets=\[{label}\]"
    with pytest.raises(TaskMismatchError, match=way):
        check_task(cfg, build.source(cfg))


@pytest.mark.parametrize("setting", ["class_targets", "continuous_targets", "missing"])
def test_a_word_where_a_list_belongs_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"data\.source\.{setting}=genre; expected a list; write"):
        FolderSource(tmp_path, **{setting: "genre"})  # type: ignore[arg-type]


def test_folding_keeps_what_is_not_spelling() -> None:
    assert folded(" ARTIST - Name_") == folded("artist\u00a0name") == "artist_name"
    assert folded("Beyonce\u0301") == folded("BEYONCÉ")
    assert len({folded(name) for name in ("1", "-1", "1.0", "C#", "C", "!!!", "-", "")}) == 8
