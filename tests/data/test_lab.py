from __future__ import annotations

import gzip
import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from lab_files import DROPPED, GENRES, KEPT, lab_source, spectrogram, write_affect_set, write_clip, write_genre_set
from logged import logged
from numpy.typing import NDArray

from music_affect.contracts.errors import ClipError, DataNotFoundError, LabelError
from music_affect.contracts.spec import Categorical, Continuous
from music_affect.data.array_reader import ArrayReader
from music_affect.data.cache.builder import open_or_build
from music_affect.data.lab import LabSource
from music_affect.data.reader import ReadArrays
from music_affect.data.source import Clip

CLASSES = ("Blues", "Classical", "Electronic", "Folk", "Hip-Hop", "Jazz", "Metal", "Pop", "Rock", "Trip-Hop")
MERGED = {
    "Rock": {"Rock", "Psych-Rock", "Post-Rock"}, "Folk": {"Folk", "Psych-Folk"}, "Metal": {"Metal", "Punk"},
    "Electronic": {"Electronic", "Chiptune"},
}  # fmt: skip
SETS = {
    "fma": "fma_genre_spectrograms", "fma_beat": "fma_genre_spectrograms_beat",
    "multitask": "multitask_dataset", "multitask_beat": "multitask_dataset_beat",
}  # fmt: skip


def raw_genre(clip: Clip, first: int) -> str:
    """Genre that ``write_genre_set`` gave the clip by its number."""
    return GENRES[(int(clip.id.split("/")[1]) - first) // 7 % len(GENRES)]


def label_error(source: LabSource) -> LabelError:
    with pytest.raises(LabelError) as caught:
        source.clips()
    assert str(source.root / "train_labels.txt") in caught.value.found
    return caught.value


@pytest.mark.parametrize("name", SETS)
def test_root_is_the_folder_of_the_sets_or_above_it_or_the_set(lab_root: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "data").symlink_to(lab_root)
    for root in (lab_root, tmp_path, lab_root / SETS[name]):
        source = lab_source(name, root)
        assert source.root.resolve() == (lab_root / SETS[name]).resolve()
        assert source.name == name
        assert len(source.clips()) > 20


@pytest.mark.parametrize("name", ["fma", "fma_beat"])
def test_every_genre_file_gets_its_class_whatever_the_label_file_calls_it(lab_root: Path, name: str) -> None:
    clips = lab_source(name, lab_root).clips()
    assert Counter(clip.split for clip in clips) == {"train": 3 * len(KEPT), "test": len(KEPT)}
    for clip in clips:
        raw = raw_genre(clip, 1000 if clip.split == "train" else 7000)
        assert raw in MERGED.get(str(clip.labels["genre"]), {clip.labels["genre"]})
        assert clip.path.is_file()
        assert clip.path.name.startswith(clip.id.split("/")[1] + ".fused.full.npy")
    assert {clip.path.suffix for clip in clips} == {".npy", ".gz"}
    assert {str(clip.labels["genre"]) for clip in clips} == set(CLASSES)


def test_affect_labels_are_numbers_and_the_test_part_has_none(lab_root: Path) -> None:
    clips = lab_source("multitask", lab_root).clips()
    train, test = ([clip for clip in clips if clip.split == split] for split in ("train", "test"))
    assert (len(train), len(test)) == (24, 8)
    for clip in train:
        expected = np.random.default_rng(int(clip.id.split("/")[1])).random(3)
        assert list(clip.labels) == ["valence", "energy", "danceability"]
        assert list(clip.labels.values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert all(clip.labels == {} for clip in test)


def test_an_unpacked_array_is_taken_before_its_packed_copy(tmp_path: Path) -> None:
    root = write_affect_set(tmp_path / "multitask_dataset")
    packed = root / "train" / "2003.fused.full.npy.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    clips = {clip.id: clip.path for clip in lab_source("multitask", tmp_path).clips()}
    assert clips["train/2003"] == packed.with_suffix("")
    assert len(clips) == 32


def test_foreign_files_are_no_clips(tmp_path: Path) -> None:
    root = write_affect_set(tmp_path / "multitask_dataset")
    for name in ("._2000.fused.full.npy", ".DS_Store", "readme.txt", "2000.fused.full.npy.part"):
        (root / "train" / name).write_bytes(b"x")
    assert len(lab_source("multitask", tmp_path).clips()) == 32


@pytest.mark.parametrize("name", SETS)
def test_targets_are_known_without_the_files(name: str) -> None:
    targets = lab_source(name, None).targets
    if name.startswith("fma"):
        assert targets == {"genre": Categorical(CLASSES)}
    else:
        assert targets == dict.fromkeys(["valence", "energy", "danceability"], Continuous(0.0, 1.0))


def test_missing_data_tells_where_it_was_looked_for_and_what_else_would_do(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError) as caught:
        lab_source("fma_beat", tmp_path).clips()
    folder = "fma_genre_spectrograms_beat"
    assert f"looked in {tmp_path / folder} and {tmp_path / 'data' / folder}" in caught.value.found
    assert "train/, test/ and train_labels.txt" in caught.value.expected
    for way in ("Kaggle (geoparslp/patreco3-multitask-affective-music)", "data.root", "MUSIC_AFFECT_DATA", "synthetic"):
        assert way in caught.value.fix
    with pytest.raises(DataNotFoundError, match=r"nowhere, since data\.root is not set"):
        lab_source("fma", None).clips()


def test_missing_training_labels_are_an_error_and_missing_test_labels_are_not(tmp_path: Path) -> None:
    root = write_genre_set(tmp_path / "fma_genre_spectrograms", train=1)
    (root / "test_labels.txt").unlink()
    assert Counter(bool(clip.labels) for clip in lab_source("fma", tmp_path).clips()) == {True: 15, False: 20}
    (root / "train_labels.txt").unlink()
    with pytest.raises(DataNotFoundError, match=r"has no train_labels\.txt"):
        lab_source("fma", tmp_path).clips()


def test_unknown_genre_names_the_known_ones(tmp_path: Path) -> None:
    write_genre_set(tmp_path / "fma_genre_spectrograms", train=1)
    labels = tmp_path / "fma_genre_spectrograms" / "train_labels.txt"
    labels.write_text(labels.read_text().replace("\tPost-Punk", "\tPolka").replace("\tJazz", "\tPolka"))
    error = label_error(lab_source("fma", tmp_path))
    assert "has the genre 'Polka' (2 clips), which the class mapping does not know" in error.found
    assert error.expected == f"one of {', '.join(sorted(GENRES))}"
    assert "data.source.class_mapping" in error.fix
    assert "data.source.dropped" in error.fix


def test_dropped_genres_can_become_classes(tmp_path: Path) -> None:
    write_genre_set(tmp_path / "set", train=1)
    mapping = {"Old": ["Old-Time"], "New": [genre for genre in GENRES if genre != "Old-Time"]}
    source = LabSource(tmp_path, "set", "genre", class_mapping=mapping)
    assert source.targets == {"genre": Categorical(("New", "Old"))}
    assert Counter(clip.labels["genre"] for clip in source.clips()) == {"New": 38, "Old": 2}
    assert set(DROPPED) - {"Old-Time"} < set(mapping["New"])


@pytest.mark.parametrize("name", ["fma", "multitask"])
def test_ids_listed_twice_are_refused(lab_root: Path, tmp_path: Path, name: str) -> None:
    labels = copied_labels(lab_root, tmp_path, name)
    lines = labels.read_text().splitlines()
    lines.append(lines[1].replace(".fused.full.npy.gz", ".beatsync.fused.npy"))
    labels.write_text("\n".join(lines))
    error = label_error(lab_source(name, tmp_path))
    assert "lists 1 ids more than once (first: '" in error.found
    assert error.expected == "one line a clip"


def copied_labels(lab_root: Path, folder: Path, name: str) -> Path:
    """A copy of a set's label files without its arrays."""
    target = folder / SETS[name]
    (target / "train").mkdir(parents=True)
    for path in (lab_root / SETS[name]).glob("*.txt"):
        shutil.copy(path, target)
    return target / "train_labels.txt"


@pytest.mark.parametrize("name", ["fma", "multitask"])
def test_blank_lines_windows_ends_and_a_byte_order_mark_change_nothing(
    lab_root: Path, tmp_path: Path, name: str
) -> None:
    expected = [clip.labels for clip in lab_source(name, lab_root).clips() if clip.split == "train"]
    folder = shutil.copytree(lab_root / SETS[name], tmp_path / SETS[name])
    labels = folder / "train_labels.txt"
    text = "\ufeff\n" + labels.read_text().replace("\n", "\n\n   \n") + "\n\n"
    labels.write_bytes(text.replace("\n", "\r\n").encode())
    assert [clip.labels for clip in lab_source(name, tmp_path).clips() if clip.split == "train"] == expected


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("2000,1.01,0.5,0.5", "['2000', '1.01', '0.5', '0.5']"),
        ("2000,-0.1,0.5,0.5", "['2000', '-0.1', '0.5', '0.5']"),
        ("2000,nan,0.5,0.5", "'nan'"),
        ("2000,high,0.5,0.5", "'high'"),
        ("2000,0.5,0.5", "['2000', '0.5', '0.5']"),
        ("2000", "['2000']"),
    ],
)
def test_affect_that_is_no_number_between_0_and_1_is_refused(tmp_path: Path, line: str, values: str) -> None:
    (tmp_path / "multitask_dataset" / "train").mkdir(parents=True)
    labels = tmp_path / "multitask_dataset" / "train_labels.txt"
    labels.write_text(f"Id,valence,energy,danceability\n\n1999,0.1,0.2,0.3\n{line}\n")
    error = label_error(lab_source("multitask", tmp_path))
    assert error.found.startswith(f"line 4 of {labels} reads ")
    assert values in error.found
    assert "numbers in [0, 1]" in error.expected


@pytest.mark.parametrize("line", ["1000.fused.full.npy,Blues", "1000.fused.full.npy\tBlues\tJazz"])
def test_genre_line_of_another_form_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "fma_genre_spectrograms" / "train").mkdir(parents=True)
    labels = tmp_path / "fma_genre_spectrograms" / "train_labels.txt"
    labels.write_text(f"Id\tGenre\n{line}\n")
    error = label_error(lab_source("fma", tmp_path))
    assert error.found.startswith(f"line 2 of {labels} reads ")
    assert "<id>.fused.full.npy<TAB><genre>" in error.expected


def test_label_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    write_affect_set(tmp_path / "multitask_dataset", train=2, test=2)
    (tmp_path / "multitask_dataset" / "train_labels.txt").write_bytes("Id,valence\n1,0.5\n".encode("utf-16"))
    error = label_error(lab_source("multitask", tmp_path))
    assert "is not a readable label file" in error.found
    assert error.fix == "unpack the data set again"


@pytest.mark.parametrize("name", ["fma_beat", "multitask"])
def test_label_file_without_a_header_does_not_lose_its_first_clip(lab_root: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(lab_root / SETS[name], tmp_path / SETS[name])
    labels = tmp_path / SETS[name] / "train_labels.txt"
    labels.write_text("".join(labels.read_text().splitlines(keepends=True)[1:]))
    assert label_error(lab_source(name, tmp_path)).expected == "a header line before the first clip"


def test_labels_without_files_are_remarked_on_and_files_without_labels_stay_unlabelled(tmp_path: Path) -> None:
    root = write_affect_set(tmp_path / "multitask_dataset")
    assert lab_source("multitask", tmp_path).remarks() == []
    (root / "train" / "2000.fused.full.npy").unlink()
    write_clip(root / "train", 9998, spectrogram(9998))
    source = lab_source("multitask", tmp_path)
    assert source.remarks() == ["1 labels of the train part have no file (first: '2000')."]
    clips = {clip.id: clip for clip in source.clips()}
    assert "train/2000" not in clips
    assert clips["train/9998"].labels == {}


@pytest.mark.parametrize("number", [10, 11], ids=["npy", "gz"])
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8", "i2"])
def test_reader_turns_arrays_into_frames_by_features(tmp_path: Path, number: int, dtype: str) -> None:
    array = spectrogram(number).round()
    for laid_out in (array, np.asfortranarray(array)):
        features = ArrayReader(beat=False)(write_clip(tmp_path, number, laid_out.astype(dtype)))
        assert features.dtype == np.float32
        assert features.flags.c_contiguous
        np.testing.assert_array_equal(features, array.T)


def test_reader_settings_tell_beats_from_frames() -> None:
    assert ArrayReader(beat=True).settings() != ArrayReader(beat=False).settings()
    assert ArrayReader(beat=True).blocks == {"mel": (0, 128), "chroma": (128, 140)}


def with_nan(array: NDArray[np.float64]) -> NDArray[np.float64]:
    array[3, 2] = np.nan
    return array


GOOD = spectrogram(1)
WRONG_SHAPES = [GOOD[:128], GOOD.T, GOOD[None], GOOD[0], np.array(0.5), np.full((140, 3), "x"), np.ones((140, 3), "c8")]


@pytest.mark.parametrize("number", [10, 11], ids=["npy", "gz"])
@pytest.mark.parametrize("array", WRONG_SHAPES, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_of_another_form_are_refused(tmp_path: Path, number: int, array: NDArray[np.generic]) -> None:
    with pytest.raises(ClipError) as caught:
        ArrayReader(beat=False)(write_clip(tmp_path, number, array))
    assert caught.value.reason == "wrong shape"
    assert str(list(array.shape)) in caught.value.detail
    assert "expected numbers [140, T]" in caught.value.detail


@pytest.mark.parametrize("number", [10, 11], ids=["npy", "gz"])
def test_every_damaged_file_is_unreadable_or_read_and_nothing_else(tmp_path: Path, number: int) -> None:
    path = write_clip(tmp_path, number, GOOD[:, :5])
    whole, random = path.read_bytes(), np.random.default_rng(0)
    reasons: Counter[str] = Counter()
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            damaged[random.integers(random.choice([16, 130, len(whole)]))] = random.integers(256)
        path.write_bytes(damaged[: random.integers(len(whole) // 2, 3 * len(whole))])
        try:
            ArrayReader(beat=False)(path)
        except ClipError as error:
            reasons[error.reason] += 1
    assert set(reasons) <= {"unreadable", "wrong shape"}
    assert reasons["unreadable"] > 50


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def test_unusable_clips_end_in_the_skip_report_and_the_rest_is_used(tmp_path: Path) -> None:
    folder = write_affect_set(tmp_path / "multitask_dataset", train=12, test=0) / "train"
    write_clip(folder, 2000, GOOD[:139])
    write_clip(folder, 2003, GOOD[:, :0])
    write_clip(folder, 2006, with_nan(spectrogram(2006)))
    packed = folder / "2009.fused.full.npy.gz"
    packed.write_bytes(packed.read_bytes()[:2000])
    trap = Trap(tmp_path / "sprung")
    np.save(folder / "2012.fused.full.npy", np.array([trap], dtype=object), allow_pickle=True)
    (folder / "2018.fused.full.npy").write_bytes(pickle.dumps(trap))
    (folder / "2024.fused.full.npy").write_bytes(b"")
    write_clip(folder, 2030, GOOD * 1e4)
    (tmp_path / "multitask_dataset" / "test").mkdir(exist_ok=True)
    clips = lab_source("multitask", tmp_path).clips()
    reader = ArrayReader(beat=False)
    with logged() as said:
        cache = open_or_build(tmp_path / "cache", clips, reader, ReadArrays(reader), workers=1)
    assert {skip.id: skip.reason for skip in cache.skipped} == {
        "train/2000": "wrong shape", "train/2003": "empty", "train/2006": "not finite", "train/2009": "unreadable",
        "train/2012": "unreadable", "train/2018": "unreadable", "train/2024": "unreadable", "train/2030": "not finite",
    }  # fmt: skip
    assert cache.ids == ["train/2015", "train/2021", "train/2027", "train/2033"]
    assert not trap.mark.exists()
    assert all(np.isfinite(cache.clip(name)).all() for name in cache.ids)
    assert said[-1].startswith("8 of 12 clips left out (4 unreadable, 2 not finite, 1 wrong shape, 1 empty); listed in")
