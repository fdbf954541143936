"""Ready-made one-second excerpts: what is read, what is refused, and that audio gives features of the same form."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from array_cache import GENRES, make_cache
from lab_files import EXCERPT_GENRES, write_excerpts
from running import compose
from torch.utils.data import DataLoader

from music_affect.configuration import build
from music_affect.contracts.batch import Batch
from music_affect.contracts.errors import ClipError, ConfigurationError, DataNotFoundError, LabelError, SplitError
from music_affect.contracts.spec import Categorical
from music_affect.data.cache.builder import open_or_build
from music_affect.data.cache.features import FeatureCache
from music_affect.data.datamodule import ClipDataModule
from music_affect.data.excerpt_reader import FORMS, ExcerptReader
from music_affect.data.excerpts import ExcerptSource
from music_affect.data.loading import Loading
from music_affect.data.reader import ReadArrays
from music_affect.data.source import Clip
from music_affect.data.splits import SplitPlan, split_clips
from music_affect.data.view import View

FOLDERS = {"mfcc": "mfccs", "melgram": "melgrams"}
FRAMES = {"mfcc": 1, "melgram": 21}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_excerpts(tmp_path / "set")


def built(folder: Path, clips: list[Clip], features: str, workers: int = 1) -> FeatureCache:
    reader = ExcerptReader(features)
    return open_or_build(folder, clips, reader, ReadArrays(reader), workers=workers)


@pytest.mark.parametrize("features", FORMS)
def test_every_excerpt_is_a_clip_with_its_label_and_its_part(root: Path, features: str) -> None:
    source = ExcerptSource(root, features)
    assert source.targets == {"genre": Categorical(("blues", "classical", "pop", "rock"))}
    assert (source.name, source.holds, source.root) == ("excerpts", "arrays", root / FOLDERS[features])
    clips = source.clips()
    assert Counter(clip.split for clip in clips) == {"train": 24, "val": 8, "test": 12}
    assert len({clip.id for clip in clips}) == len(clips)
    assert [clip.id for clip in clips] == [clip.id for clip in source.clips()]
    for split in ("train", "val", "test"):
        part = [clip for clip in clips if clip.split == split]
        assert [clip.row for clip in part] == list(range(len(part)))
        assert [clip.labels["genre"] for clip in part] == [EXCERPT_GENRES[row % 4] for row in range(len(part))]
        assert {clip.path for clip in part} == {root / FOLDERS[features] / split / "X.npy"}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("features", FORMS)
def test_cache_holds_each_excerpt_under_its_own_id(tmp_path: Path, features: str, workers: int) -> None:
    clips = ExcerptSource(write_excerpts(tmp_path, train=60), features).clips()
    cache = built(tmp_path / "cache", clips, features, workers)
    reader = ExcerptReader(features)
    assert len(cache.ids) == len(clips) == 80
    for clip in clips:
        assert clip.row is not None
        found = cache.clip(clip.id)
        assert found.shape == (FRAMES[features], reader.num_features)
        expected = np.load(clip.path)[clip.row].reshape(found.shape)
        np.testing.assert_array_equal(found, expected.astype(np.float32).astype(np.float16))


def test_excerpts_past_the_first_thousands_keep_their_order(tmp_path: Path) -> None:
    """The cache sorts by id."""
    root = write_excerpts(tmp_path / "set", train=1203, val=4, test=4)
    clips = ExcerptSource(root, "mfcc").clips()
    cache = built(tmp_path / "cache", clips, "mfcc")
    stored = np.load(root / "mfccs" / "train" / "X.npy").astype(np.float32).astype(np.float16)
    found = [cache.clip(name) for name in cache.ids if name.startswith("train/")]
    np.testing.assert_array_equal(np.concatenate(found), stored)


def test_official_parts_are_kept_and_never_divided_anew(root: Path) -> None:
    clips = ExcerptSource(root, "mfcc").clips()
    splits = split_clips(clips, ["genre"], SplitPlan())
    assert {name: {clip.split for clip in part} for name, part in splits.items()} == {
        "train": {"train"},
        "val": {"val"},
        "test": {"test"},
    }
    with pytest.raises(SplitError, match="3 groups"):
        split_clips(clips, ["genre"], SplitPlan(fold=0))


@pytest.mark.parametrize("place", ["", "data", "melgrams"])
def test_root_is_the_folder_of_both_or_above_it_or_the_one(root: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "data").symlink_to(root)
    given = {"": root, "data": tmp_path, "melgrams": root / "melgrams"}[place]
    assert ExcerptSource(given, "melgram").root.resolve() == (root / "melgrams").resolve()


def test_missing_folder_tells_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError) as caught:
        ExcerptSource(tmp_path, "mfcc").clips()
    assert f"looked in {tmp_path / 'mfccs'} and {tmp_path / 'data' / 'mfccs'}" in caught.value.found
    assert "data=folder features=mfcc" in caught.value.fix
    with pytest.raises(DataNotFoundError, match=r"nowhere, since data\.root is not set"):
        _ = ExcerptSource(None, "mfcc").targets


@pytest.mark.parametrize("features", [None, "fused", "mel", "mfccs"])
def test_features_that_excerpts_do_not_come_as_are_refused(root: Path, features: str | None) -> None:
    for attempt in (lambda: ExcerptSource(root, features).targets, lambda: ExcerptReader(features)):
        with pytest.raises(ConfigurationError) as caught:
            attempt()
        assert f"features={features} of ready-made one-second excerpts" in caught.value.found
        assert caught.value.fix == "choose features=mfcc or features=melgram"


@pytest.mark.parametrize("name", ["X.npy", "labels.npy"])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_part_that_is_not_complete_is_refused(root: Path, split: str, name: str) -> None:
    path = root / "mfccs" / split / name
    path.unlink()
    with pytest.raises(DataNotFoundError, match=r"its parts are never divided anew") as caught:
        ExcerptSource(root, "mfcc").clips()
    assert f"{path} is not there" in caught.value.found


def test_labels_of_another_number_than_excerpts_are_refused(root: Path) -> None:
    path = root / "melgrams" / "val" / "labels.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(LabelError) as caught:
        ExcerptSource(root, "melgram").clips()
    assert caught.value.found == f"{path} has 7 labels for 8 excerpts"


LABELS = {
    "objects": np.array(["rock"] * 24, dtype=object),
    "numbers": np.arange(24),
    "a column": np.array(["rock"] * 24)[:, None],
}


@pytest.mark.parametrize("kind", [*LABELS, "garbage", "nothing"])
def test_labels_that_are_no_strings_are_refused(root: Path, kind: str) -> None:
    path = root / "mfccs" / "train" / "labels.npy"
    if kind in LABELS:
        np.save(path, LABELS[kind], allow_pickle=True)
    else:
        path.write_bytes(b"not an array" if kind == "garbage" else b"")
    with pytest.raises(LabelError) as caught:
        _ = ExcerptSource(root, "mfcc").targets
    assert caught.value.found.startswith(f"{path} holds no class names (")
    assert caught.value.expected == "an array of strings [N], without pickled objects"
    assert "np.asarray(labels, dtype=str)" in caught.value.fix


def test_bytes_are_strings_and_an_empty_label_is_missing(root: Path) -> None:
    path = root / "mfccs" / "train" / "labels.npy"
    labels = np.load(path).astype("S")
    labels[2:4] = b"", b"  "
    np.save(path, labels)
    source = ExcerptSource(root, "mfcc")
    assert source.targets == {"genre": Categorical(("blues", "classical", "pop", "rock"))}
    clips = source.clips()
    assert [clip.row for clip in clips if not clip.labels] == [2, 3]
    assert clips[1].labels == {"genre": "pop"}


ARRAYS = {
    "objects": np.array([np.zeros(26)] * 24 + [None], dtype=object),
    "melgrams": np.zeros((24, 21, 128)),
    "a row": np.zeros(26),
    "words": np.full((24, 26), "x"),
}


@pytest.mark.parametrize("kind", [*ARRAYS, "garbage", "cut", "archive"])
def test_arrays_that_are_no_excerpts_are_refused(root: Path, kind: str) -> None:
    path = root / "mfccs" / "train" / "X.npy"
    if kind in ARRAYS:
        np.save(path, ARRAYS[kind], allow_pickle=True)
    elif kind == "archive":
        with path.open("wb") as stream:
            np.savez(stream, np.zeros((24, 26)))
    else:
        path.write_bytes(b"not an array" if kind == "garbage" else path.read_bytes()[:1000])
    with pytest.raises(DataNotFoundError) as caught:
        ExcerptSource(root, "mfcc").clips()
    assert caught.value.found.startswith(f"{path} cannot be used (")
    assert caught.value.expected == "an array of numbers [N, 26], without pickled objects"
    with pytest.raises(ClipError):
        ExcerptReader("mfcc")(path, 0)


def test_excerpts_that_are_not_finite_are_left_out_by_name(root: Path, tmp_path: Path) -> None:
    path = root / "melgrams" / "test" / "X.npy"
    excerpts = np.load(path)
    excerpts[3, 20, 127], excerpts[5, 0, 0], excerpts[7] = np.nan, -np.inf, 1e300
    np.save(path, excerpts)
    cache = built(tmp_path / "cache", ExcerptSource(root, "melgram").clips(), "melgram")
    assert cache.skip_counts == {"not finite": 3}
    assert {skip.id for skip in cache.skipped} == {"test/000003", "test/000005", "test/000007"}
    np.testing.assert_array_equal(cache.clip("test/000004"), excerpts[4].astype(np.float32).astype(np.float16))


def test_rows_past_the_end_are_unreadable(root: Path) -> None:
    with pytest.raises(ClipError, match="unreadable: row 12 of 12"):
        ExcerptReader("mfcc")(root / "mfccs" / "test" / "X.npy", 12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int16, ">f8"])
def test_numbers_of_any_kind_are_read(root: Path, dtype: str) -> None:
    path = root / "mfccs" / "test" / "X.npy"
    excerpts = np.load(path).astype(dtype)
    np.save(path, np.asfortranarray(excerpts))
    found = ExcerptReader("mfcc")(path, 5)
    assert (found.dtype, found.shape) == (np.float32, (1, 26))
    np.testing.assert_array_equal(found[0], excerpts[5].astype(np.float32))


@pytest.mark.parametrize("features", FORMS)
def test_the_configuration_chooses_the_folder_and_audio_gives_the_same_form(
    root: Path, tmp_path: Path, features: str
) -> None:
    cfg = compose("train", "data=excerpts", f"data.root={root}", f"features={features}", "model=cnn")
    source = build.source(cfg)
    reader = build.reader(cfg, source)
    assert isinstance(source, ExcerptSource)
    assert source.root == root / FOLDERS[features]
    assert isinstance(reader, ExcerptReader)
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 20000), 8000)
    folder = compose("train", "data=folder", f"data.root={tmp_path}", f"features={features}", "model=cnn")
    extractor = build.make(folder.features.extraction, beat=False)
    assert extractor.blocks == reader.blocks
    assert extractor.excerpt_frames == reader.excerpt_frames == FRAMES[features]
    assert extractor(path).shape == (2 * FRAMES[features], reader.num_features)
    shared = extractor.settings().keys() & reader.settings().keys()  # a checkpoint fits data that differ in none
    assert all(extractor.settings()[key] == reader.settings()[key] for key in shared)


@pytest.mark.parametrize(
    ("features", "seconds", "frames"), [("melgram", 1.0, 21), ("melgram", 5.0, 105), ("mfcc", 1.0, 1), ("mfcc", 5.0, 5)]
)
def test_crops_count_seconds_whatever_the_recipe_averages(features: str, seconds: float, frames: int) -> None:
    cfg = compose("train", f"features={features}", "model=cnn", "data=synthetic", f"loader.crop_seconds={seconds}")
    assert cfg.model.recipe.average_frames == 4
    assert cfg.loader.average_frames == 1
    assert build.frame_rate(cfg) == FRAMES[features]
    loading = build.loading(cfg, build.frame_rate(cfg))
    assert (loading.crop_frames, loading.crop_step) == (frames, FRAMES[features])


def test_the_datamodule_serves_whole_excerpts(tmp_path: Path) -> None:
    cache, clips = make_cache(tmp_path, [21 * (1 + place % 5) for place in range(40)])
    splits = {"train": clips[:30], "val": clips[30:35], "test": clips[35:]}
    targets = {"genre": Categorical(GENRES)}
    settings = {"batch_size": 4, "crop_frames": 21, "crop_step": 21, "windows": 30}
    data = ClipDataModule(cache, splits, targets, View(cache.identity.blocks), Loading(**settings))
    plans = {name: list(loader.sampler) for name, loader in loaders(data).items()}
    assert all(not (plan.begins % 21).any() for served in plans.values() for plan in served)
    assert any(plan.begins.any() for plan in plans["train"])
    assert sum(len(plan.clips) for plan in plans["test"]) == sum(1 + place % 5 for place in range(35, 40))
    data = ClipDataModule(cache, splits, targets, View(cache.identity.blocks), Loading(**settings, overfit_batches=2))
    assert {begin for plan in data.train_dataloader().sampler for begin in plan.begins} == {0, 21, 42}


def loaders(data: ClipDataModule) -> dict[str, DataLoader[Batch]]:
    return {"train": data.train_dataloader(), "test": data.test_dataloader()}


def test_other_features_are_cropped_as_before() -> None:
    full = compose("train", "features=mel", "model=cnn", "data=synthetic")
    assert build.frame_rate(full) == pytest.approx(22050 / 512)
    loading = build.loading(full, build.frame_rate(full))
    assert (full.loader.average_frames, loading.crop_frames, loading.crop_step) == (4, 54, 1)
    beat = compose("train", "model=cnn", "data=synthetic_beat")
    assert build.frame_rate(beat) is None
    loading = build.loading(beat, None)
    assert (loading.crop_frames, loading.crop_step) == (12, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "data=fma features=fused_loudness",
            r"features\.blocks names loudness; expected blocks of the data: mel, chroma",
        ),
        ("data=fma features=mfcc", r"features\.blocks names mfcc; expected blocks of the data: mel, chroma"),
        ("data=fma features=melgram", "features=melgram and the ready-made features of data=fma; expected frames of"),
        ("data=fma_beat features=mfcc", r"one-second excerpts and data\.beat=true"),
        ("data=synthetic_beat features=melgram", r"one-second excerpts and data\.beat=true"),
        ("data=excerpts data.beat=true features=mfcc", r"one-second excerpts and data\.beat=true"),
        ("data=excerpts features=fused", "features=fused of ready-made one-second excerpts; expected mfcc or melgram"),
        (
            "data=excerpts data@also=multitask also.root=/x features=mfcc",
            "hold unlike arrays; expected data sets whose",
        ),
    ],
)
def test_features_and_data_that_do_not_fit_are_refused_before_a_file_is_read(words: str, message: str) -> None:
    cfg = compose("train", *words.split())
    with pytest.raises(ConfigurationError, match=message):
        build.reader(cfg, build.source(cfg))
