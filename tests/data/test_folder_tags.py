"""Columns of tags: how cells are read, which tags are learnt, and the tables of MTG-Jamendo and MagnaTagATune."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from music_affect.contracts.errors import ConfigurationError, LabelError
from music_affect.contracts.spec import Tags, target_from_dict
from music_affect.data.folder import FolderSource
from music_affect.data.labels import encode

TABLE = """path,artist,tags
a.wav,x,"Rock|indie; 90s"
b.wav,y,"rock, indie"
c.wav,z,|
d.wav,x,
e.wav,y,rare
f.wav,z,90s
"""


def folder(root: Path, table: str = TABLE, **settings: object) -> FolderSource:
    root.mkdir(exist_ok=True)
    (root / "labels.csv").write_text(table, encoding="utf-8")
    for name in "abcdef":
        (root / f"{name}.wav").touch()
    return FolderSource(root, **settings)  # type: ignore[arg-type]


def test_cells_hold_tags_none_of_them_or_nothing(tmp_path: Path) -> None:
    source = folder(tmp_path, tag_targets=["tags"])
    kind = source.targets["tags"]
    assert kind == Tags(("90s", "Rock", "indie"))  # in the first spelling; a tag of one clip is not learnt
    assert target_from_dict(kind.to_dict()) == kind
    labels = [clip.labels.get("tags") for clip in source.clips()]
    assert labels == ["90s|Rock|indie", "Rock|indie", "|", None, "|", "90s"]
    expected = [[1, 1, 1], [0, 1, 1], [0, 0, 0], [np.nan] * 3, [0, 0, 0], [1, 0, 0]]
    np.testing.assert_array_equal(encode(source.clips(), "tags", kind), expected)
    assert "'tags': the 3 most frequent of 4 tags are learnt." in source.remarks()
    assert source.strata == {"": []}


def test_the_most_frequent_tags_are_learnt_and_the_alphabet_decides_between_equals(tmp_path: Path) -> None:
    assert folder(tmp_path, tag_targets=["Tags"], most_tags=2).targets == {"tags": Tags(("90s", "Rock"))}


def test_the_last_column_takes_the_rest_of_its_line(tmp_path: Path) -> None:
    table = "TRACK_ID\tARTIST_ID\tPATH\tDURATION\tTAGS\nt1\tx\ta.wav\t9.5\tgenre---rock\tmood---calm\n"
    source = folder(
        tmp_path, f"{table}t2\tx\tb.wav\t8\tmood---calm\nt3\ty\tc.wav\t8\tgenre---rock\n", tag_targets=["tags"]
    )
    assert source.targets["tags"] == Tags(("genre---rock", "mood---calm"))
    assert [clip.labels["tags"] for clip in source.clips()] == [
        "genre---rock|mood---calm",
        "mood---calm",
        "genre---rock",
    ]
    with pytest.raises(LabelError, match="belongs to no column"):
        _ = folder(tmp_path, table).targets


def test_columns_of_zeros_and_ones_are_a_tag_each(tmp_path: Path) -> None:
    table = '"clip_id"\t"no voice"\t"rock"\t"fold"\t"mp3_path"\n"2"\t"1"\t"0"\t"0"\t"a.wav"\n'
    source = folder(tmp_path, f'{table}"3"\t"1"\t"1"\t"1"\t"b.wav"\n"4"\t"0"\t"1"\t"0"\t"c.wav"\n', binary_tags="tags")
    assert source.targets == {"tags": Tags(("no voice", "rock"))}
    assert [clip.labels["tags"] for clip in source.clips()] == ["no voice", "no voice|rock", "rock"]


def test_tags_that_do_not_recur_and_a_column_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError) as raised:
        _ = folder(tmp_path, "path,tags\na.wav,rock\nb.wav,pop\n", tag_targets=["tags"]).targets
    assert raised.value.found.endswith("labels.csv has no tag of 'tags' that two clips have")
    with pytest.raises(LabelError, match="no column 'tagz', did you mean 'tags'"):
        _ = folder(tmp_path, tag_targets=["tagz"]).targets
    with pytest.raises(ConfigurationError, match="a list"):
        folder(tmp_path, tag_targets="tags")
