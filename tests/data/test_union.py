"""Two data sets read as one: ids, labels, parts, and what cannot be read together."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from lab_files import KEPT, lab_source, write_affect_set

from music_affect.contracts.errors import LabelError, SplitError
from music_affect.contracts.spec import Categorical, Continuous
from music_affect.data.folder import FolderSource
from music_affect.data.labels import labelled
from music_affect.data.source import ClipSource
from music_affect.data.splits import SplitPlan, check_fold, divide
from music_affect.data.union import UnionSource


def both(lab_root: Path) -> UnionSource:
    return UnionSource([lab_source("fma", lab_root), lab_source("multitask", lab_root)])


def folder(root: Path, table: str) -> FolderSource:
    root.mkdir(parents=True)
    (root / "labels.csv").write_text(table)
    for name in ("0.wav", "a.wav"):
        (root / name).touch()
    return FolderSource(root)


def test_clips_keep_their_labels_parts_and_files(lab_root: Path) -> None:
    union = both(lab_root)
    clips = {clip.id: clip for clip in union.clips()}
    for name in ("fma", "multitask"):
        for clip in lab_source(name, lab_root).clips():
            taken = clips.pop(f"{name}/{clip.id}")
            assert (taken.data, taken.path, taken.labels, taken.split) == (name, clip.path, clip.labels, clip.split)
    assert clips == {}


def test_name_root_and_kind_stand_for_both(lab_root: Path) -> None:
    union = both(lab_root)
    assert (union.name, union.root, union.holds, union.synthetic) == ("fma+multitask", lab_root, "arrays", False)


def test_labels_of_both_are_offered(lab_root: Path) -> None:
    targets = both(lab_root).targets
    assert list(targets) == ["genre", "valence", "energy", "danceability"]
    assert targets["genre"] == lab_source("fma", lab_root).targets["genre"]
    assert targets["energy"] == Continuous(0, 1)


def test_each_set_keeps_its_own_parts(lab_root: Path) -> None:
    union = both(lab_root)
    parts = divide(union, union.clips(), SplitPlan())
    counts = {name: Counter(clip.data for clip in part) for name, part in parts.items()}
    assert counts["train"]["fma"] == 3 * len(KEPT)
    assert counts["test"]["fma"] == len(KEPT), "the official test part"
    assert counts["train"]["multitask"] + counts["test"]["multitask"] == 24, "divided here: its test part has no labels"
    assert 3 <= counts["test"]["multitask"] <= 6, "about a fifth"
    source = lab_source("multitask", lab_root)
    alone = divide(source, source.clips(), SplitPlan())
    assert {clip.id for clip in parts["test"] if clip.data == "multitask"} == {
        f"multitask/{clip.id}" for clip in alone["test"]
    }


def test_one_fold_number_means_that_fold_of_each_set(lab_root: Path) -> None:
    union = both(lab_root)
    clips = labelled(union.clips(), union.targets)
    tested: list[str] = []
    for fold in range(5):
        test = divide(union, clips, SplitPlan(fold=fold))["test"]
        assert {clip.data for clip in test} == {"fma", "multitask"}
        tested += [clip.id for clip in test]
    assert sorted(tested) == sorted(clip.id for clip in clips)


def test_a_set_with_folds_of_its_own_beside_one_without(tmp_path: Path) -> None:
    table = "path,genre\n" + "".join(f"{place}.wav,{'Rock' if place % 2 else 'Jazz'}\n" for place in range(10))
    with_folds = "\n".join(
        f"{line},{'fold' if place == 0 else place % 5 + 1}" for place, line in enumerate(table.split())
    )
    union = UnionSource([folder(tmp_path / "one", with_folds), folder(tmp_path / "two", table)])
    clips = union.clips()
    check_fold(clips, SplitPlan(fold=4))
    test = divide(union, clips, SplitPlan(fold=4))["test"]
    assert {clip.id for clip in test if clip.data == "one"} == {"one/2.wav", "one/7.wav"}
    assert sum(clip.data == "two" for clip in test) == 2
    with pytest.raises(SplitError, match=r"data\.fold=0; expected one of \[1, 2, 3, 4, 5\]"):
        check_fold(clips, SplitPlan(fold=0))


def test_classes_are_joined_and_ends_kept_where_both_agree(tmp_path: Path) -> None:
    rows = "\n".join(f"{place}.wav,{'Blues' if place % 2 else 'Rock'},0.{place},{place}" for place in range(8))
    first = folder(tmp_path / "one", f"path,genre,valence,power\n{rows}\n")
    second = folder(
        tmp_path / "two", f"path,genre,valence,power\n{rows.replace('Rock', 'Jazz').replace(',0.', ',.')}\n"
    )
    targets = UnionSource([first, second]).targets
    assert targets["genre"] == Categorical(("Blues", "Jazz", "Rock"))
    assert targets["valence"] == Continuous(0, 1)
    assert targets["power"] == Continuous()
    wider = folder(tmp_path / "three", "path,valence\na.wav,-1\nb.wav,5\n")
    assert UnionSource([first, wider]).targets["valence"] == Continuous()


def test_remarks_say_which_set_they_are_about(tmp_path: Path, lab_root: Path) -> None:
    write_affect_set(tmp_path / "multitask_dataset")
    next((tmp_path / "multitask_dataset" / "train").iterdir()).unlink()
    union = UnionSource([lab_source("fma", lab_root), lab_source("multitask", tmp_path)])
    assert [remark.split(" ", 3)[:3] for remark in union.remarks()] == [["multitask:", "1", "labels"]]
    assert union.root == Path(os.path.commonpath([tmp_path, lab_root]))


def test_why_a_label_is_missing_is_asked_of_each(tmp_path: Path) -> None:
    first = folder(tmp_path / "one", "path,energy\na.wav,0.5\nb.wav,0.1\n")
    second = folder(tmp_path / "two", "path,energy,valence\na.wav,0.5,0.4\nb.wav,0.1,high\n")
    union = UnionSource([first, second])
    assert union.why_missing("valence") == "its column has the text 'high' for b.wav"
    assert union.why_missing("tempo") is None


def refusal(*sources: ClipSource) -> LabelError:
    with pytest.raises(LabelError) as caught:
        _ = UnionSource(sources).targets
    return caught.value


def test_two_sets_of_one_name_are_refused(lab_root: Path) -> None:
    error = refusal(lab_source("fma", lab_root), lab_source("fma", lab_root))
    assert error.found == "two data sets with the name 'fma'"
    assert "data.name=WORD" in error.fix


def test_arrays_beside_audio_are_refused(tmp_path: Path, lab_root: Path) -> None:
    songs = folder(tmp_path / "songs", "path,valence\na.wav,0.5\n")
    error = refusal(lab_source("multitask", lab_root), songs)
    assert error.found == "multitask holds arrays; songs holds audio"
    assert "both hold audio or both hold ready-made arrays" in error.expected


def test_one_name_for_a_class_and_a_scale_is_refused(tmp_path: Path) -> None:
    first = folder(tmp_path / "one", "path,mood\na.wav,calm\nb.wav,wild\nc.wav,calm\nd.wav,wild\n")
    second = folder(tmp_path / "two", "path,mood\na.wav,0.5\nb.wav,0.1\n")
    error = refusal(first, second)
    assert error.found == "'mood' is of one kind in one data set and of another in the other"
    assert error.fix == "rename it in one of them"
