from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from music_affect.contracts.errors import SplitError
from music_affect.contracts.spec import Categorical, Continuous, Target
from music_affect.data.source import Clip, ClipSource
from music_affect.data.splits import (
    SplitPlan,
    check_fold,
    class_counts,
    divide,
    restrict,
    split_clips,
    split_hash,
    straddling_groups,
)
from music_affect.data.union import UnionSource


def songs(count: int = 120, artists: int | None = None) -> list[Clip]:
    """Three classes in the proportion 3 : 2 : 1; each artist keeps to one of them."""
    genres = ["Rock", "Rock", "Rock", "Jazz", "Jazz", "Folk"]
    clips = []
    for place in range(count):
        genre = genres[place % 6]
        labels: dict[str, str | float] = {"genre": genre, "valence": ((place * 37) % count) / count}
        group = None if artists is None else f"{genre} artist {place // 6 % artists}"
        clips.append(Clip(f"s{place}", Path(f"s{place}.wav"), labels, group=group))
    return clips


def marked(clips: Sequence[Clip], **marks: Any) -> list[Clip]:
    """The clips with a split or fold each."""
    ((name, values),) = marks.items()
    return [replace(clip, **{name: value}) for clip, value in zip(clips, values, strict=True)]


def ids(clips: Sequence[Clip]) -> list[str]:
    return [clip.id for clip in clips]


def check_division(splits: dict[str, list[Clip]], clips: Sequence[Clip]) -> None:
    assert list(splits) == ["train", "val", "test"]
    assert sorted(ids([clip for part in splits.values() for clip in part])) == sorted(ids(clips))


@pytest.mark.parametrize(
    ("wanted", "share"), [(0.1, 0.1), (0.15, 1 / 7), (0.2, 0.2), (0.3, 0.3), (1 / 3, 1 / 3), (0.4, 0.4), (0.7, 0.7)]
)
def test_random_test_part_is_stratified_and_of_the_wanted_size(wanted: float, share: float) -> None:
    clips = songs(420)
    splits = split_clips(clips, ["genre"], SplitPlan(test_fraction=wanted))
    check_division(splits, clips)
    assert splits["val"] == []
    assert len(splits["test"]) == pytest.approx(share * 420, abs=3)
    counts = class_counts(splits["test"], "genre")
    for genre, part in (("Rock", 3 / 6), ("Jazz", 2 / 6), ("Folk", 1 / 6)):
        assert counts[genre] == pytest.approx(part * share * 420, abs=2)


def test_scales_are_stratified_by_five_levels() -> None:
    splits = split_clips(songs(200), ["valence"], SplitPlan(test_fraction=0.2))
    levels = Counter(int(float(clip.labels["valence"]) * 5) for clip in splits["test"])
    assert levels == dict.fromkeys(range(5), 8)


def test_scale_with_a_single_value_can_be_divided() -> None:
    clips = [replace(clip, labels={"valence": 0.5}) for clip in songs(50)]
    assert len(split_clips(clips, ["valence"], SplitPlan())["test"]) == 10


def test_clips_that_lack_the_label_are_divided_like_a_class_of_their_own() -> None:
    clips = [replace(clip, labels={}) if place % 3 == 0 else clip for place, clip in enumerate(songs(240))]
    for target in ("genre", "valence"):
        test = split_clips(clips, [target], SplitPlan(test_fraction=0.2))["test"]
        assert len(test) == pytest.approx(48, abs=2)
        assert sum(target not in clip.labels for clip in test) == pytest.approx(16, abs=1)


class Songs(ClipSource):
    """Clips that are known already."""

    def __init__(self, clips: Sequence[Clip], name: str = "songs") -> None:
        self.name, self._clips = name, list(clips)

    @property
    def targets(self) -> Mapping[str, Target]:
        return {"valence": Continuous(), "genre": Categorical(("Rock", "Jazz", "Folk")), "energy": Continuous()}

    def clips(self) -> list[Clip]:
        return self._clips


def without(clips: Sequence[Clip], label: str, every: int) -> list[Clip]:
    """The clips, every so many without a label."""
    return [
        replace(clip, labels={name: value for name, value in clip.labels.items() if name != label or place % every})
        for place, clip in enumerate(clips)
    ]


def test_each_data_set_is_divided_as_where_it_is_used_alone() -> None:
    scale = Songs([replace(clip, labels={"valence": clip.labels["valence"]}) for clip in songs()], "b")
    genre = Songs(songs(60), "a")
    union = UnionSource([genre, scale])
    splits = divide(union, union.clips(), SplitPlan(test_fraction=0.2))
    check_division(splits, union.clips())
    for source in (genre, scale):
        for name, part in divide(source, source.clips(), SplitPlan(test_fraction=0.2)).items():
            together = [clip.id for clip in splits[name] if clip.data == source.name]
            assert [f"{source.name}/{clip.id}" for clip in part] == together


def test_a_division_knows_the_data_set_and_no_task() -> None:
    clips = without(without(songs(240), "genre", 3), "valence", 4)
    source, plan = Songs(clips), SplitPlan(val_fraction=0.2)
    splits = divide(source, clips, plan)
    check_division(splits, [clip for clip in clips if clip.labels])
    unlabelled = [replace(clip, id=f"{clip.id} again", labels={}) for clip in clips]
    assert split_hash(divide(source, [*clips, *unlabelled], plan)) == split_hash(splits)
    genre, valence = (
        restrict(splits, [clip for clip in clips if label in clip.labels]) for label in ("genre", "valence")
    )
    for name in splits:
        assert {clip.id for clip in genre[name] if "valence" in clip.labels} <= set(ids(valence[name]))
    counts = class_counts(splits["test"], "genre")
    assert counts["Rock"] == pytest.approx(0.2 * 80, abs=2), "by the first class, though it is not the first label"


def test_a_class_that_divides_nothing_makes_way_for_the_next_label() -> None:
    clips = [replace(clip, labels={**clip.labels, "genre": clip.id}) for clip in songs(200)]
    splits = split_clips(clips, ["genre", "valence"], SplitPlan(test_fraction=0.2))
    assert splits == split_clips(clips, ["valence"], SplitPlan(test_fraction=0.2))


@pytest.mark.parametrize("plan", [SplitPlan(val_fraction=0.2), SplitPlan(fold=3, val_fraction=0.25)])
def test_groups_never_straddle(plan: SplitPlan) -> None:
    clips = songs(240, artists=10)
    splits = split_clips(clips, ["genre"], plan)
    check_division(splits, clips)
    assert all(splits.values())
    assert straddling_groups(splits) == {}
    assert set(class_counts(splits["test"], "genre")) == {"Rock", "Jazz", "Folk"}


def test_straddling_groups_are_named() -> None:
    clips = songs(12, artists=2)
    official = ["train", "val", "test"] * 4
    splits = split_clips(marked(clips, split=official), ["genre"], SplitPlan())
    rock, jazz = (["Rock artist 0", "Rock artist 1"], ["Jazz artist 0", "Jazz artist 1"])
    assert straddling_groups(splits) == {"train/val": jazz + rock, "train/test": rock, "val/test": rock}


def test_only_the_seed_of_the_split_moves_clips() -> None:
    clips = songs(120, artists=8)
    hashes = []
    for global_seed in (0, 1):
        np.random.seed(global_seed)
        hashes.append(split_hash(split_clips(clips, ["genre"], SplitPlan(val_fraction=0.2))))
    assert hashes[0] == hashes[1]
    assert split_hash(split_clips(clips, ["genre"], SplitPlan(val_fraction=0.2, seed=1))) != hashes[0]


def test_folds_of_the_data_set_are_taken() -> None:
    clips = marked(songs(60), fold=[place % 4 for place in range(60)])
    for fold in range(4):
        splits = split_clips(clips, ["genre"], SplitPlan(fold=fold))
        assert ids(splits["test"]) == [f"s{place}" for place in range(60) if place % 4 == fold]
        check_division(splits, clips)


def test_made_folds_cover_every_clip_once() -> None:
    clips = songs(60, artists=5)
    tests = [split_clips(clips, ["genre"], SplitPlan(fold=fold, num_folds=4))["test"] for fold in range(4)]
    assert sorted(ids([clip for test in tests for clip in test])) == sorted(ids(clips))


def test_a_fold_is_asked_for_in_spite_of_official_parts() -> None:
    clips = marked(songs(60), split=["train", "val", "test"] * 20)
    splits = split_clips(clips, ["genre"], SplitPlan(fold=0))
    assert len(splits["test"]) == 12
    assert splits["val"] == []
    check_division(splits, clips)


def test_official_parts_are_kept() -> None:
    clips = marked(songs(60), split=["train", "train", "val", "test", None, "train"] * 10)
    splits = split_clips(clips, ["genre"], SplitPlan(val_fraction=0.5, test_fraction=0.5))
    assert [clip.split for clip in splits["val"]] == ["val"] * 10
    assert [clip.split for clip in splits["test"]] == ["test"] * 10
    assert {clip.split for clip in splits["train"]} == {"train", None}
    check_division(splits, clips)


def test_official_validation_alone_leaves_the_test_part_to_chance() -> None:
    clips = marked(songs(60), split=["val", None, None] * 20)
    splits = split_clips(clips, ["genre"], SplitPlan(test_fraction=0.25))
    assert [clip.split for clip in splits["val"]] == ["val"] * 20
    assert len(splits["test"]) == 10


@pytest.mark.parametrize(("training", "held_out"), [(999, 0), (1000, 1000 / 7)])
def test_validation_is_held_out_of_large_sets_only(training: int, held_out: float) -> None:
    clips = marked(songs(training + 100), split=["train"] * training + ["test"] * 100)
    assert len(split_clips(clips, ["genre"], SplitPlan())["val"]) == pytest.approx(held_out, abs=3)
    assert split_clips(clips, ["genre"], SplitPlan(val_fraction=0))["val"] == []
    assert len(split_clips(clips, ["genre"], SplitPlan(val_fraction=0.5))["val"]) == pytest.approx(training / 2, abs=3)


def test_hash_tells_divisions_apart_and_nothing_else() -> None:
    clips = songs(6)
    splits = {"train": clips[:3], "val": clips[3:4], "test": clips[4:]}
    shuffled = {"test": clips[4:][::-1], "train": clips[:3][::-1], "val": clips[3:4]}
    assert split_hash(splits) == split_hash(shuffled) == "e78ffb82fdeb53a5"
    assert split_hash({**splits, "val": [], "train": clips[:4]}) != split_hash(splits)


def refused(clips: Sequence[Clip], plan: SplitPlan) -> SplitError:
    with pytest.raises(SplitError) as caught:
        split_clips(clips, ["genre"], plan)
    return caught.value


def test_fold_that_does_not_exist_is_refused_with_those_that_do() -> None:
    error = refused(songs(60), SplitPlan(fold=5))
    assert (error.found, error.expected) == ("data.fold=5", "one of [0, 1, 2, 3, 4]")
    given = marked(songs(60), fold=[2, 7] * 30)
    assert refused(given, SplitPlan(fold=0)).expected == "one of [2, 7]"
    check_fold(given, SplitPlan(fold=7))
    check_fold(given, SplitPlan())


def test_clips_without_a_fold_are_refused() -> None:
    error = refused(marked(songs(6), fold=[0, 1, 2, 0, 1, None]), SplitPlan(fold=0))
    assert error.found == "1 of 6 clips have no fold"
    assert "data.source.fold" in error.fix


def test_too_few_groups_are_refused() -> None:
    error = refused(songs(60, artists=1), SplitPlan(fold=0))
    assert error.found == "3 groups (artists) among 60 clips"
    assert error.expected == "at least 5 to divide them"
    assert "data.source.group=''" in error.fix


def test_classes_smaller_than_the_number_of_folds_are_refused() -> None:
    error = refused(songs(7), SplitPlan(fold=0))
    assert error.found == "no class of 'genre' has more than 4 of the 7 clips"
    assert "lower split.num_folds" in error.fix
    check_division(split_clips(songs(7), ["genre"], SplitPlan(fold=0, num_folds=4)), songs(7))


def test_empty_parts_are_refused() -> None:
    error = refused(songs(60), SplitPlan(test_fraction=0))
    assert error.found == "the test part of 60 labelled clips is empty"
    assert "split.test_fraction" in error.fix
    assert "the train part" in refused(marked(songs(6), split=["test"] * 6), SplitPlan()).found
    assert "the test part of 1 labelled" in refused(songs(1), SplitPlan()).found


@pytest.mark.parametrize("settings", [{"val_fraction": 1.0}, {"val_fraction": -0.1}, {"test_fraction": 1.5}])
def test_shares_without_a_meaning_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SplitError, match=r"split\.(val|test)_fraction=.*a share from 0 to below 1"):
        SplitPlan(**settings)


def test_a_single_fold_is_refused() -> None:
    with pytest.raises(SplitError, match=r"split\.num_folds=1; expected 2 folds or more"):
        SplitPlan(num_folds=1)
