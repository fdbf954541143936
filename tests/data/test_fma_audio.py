from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import soundfile
from fma_files import TRACKS, fma_source, write_audio, write_echonest, write_fma, write_tracks
from running import compose

from music_affect.configuration import build
from music_affect.configuration.compatibility import check_task
from music_affect.contracts.errors import ConfigurationError, DataNotFoundError, LabelError, TaskMismatchError
from music_affect.contracts.spec import Categorical, Continuous
from music_affect.data.fma.audio import FMAAudioSource
from music_affect.data.splits import SplitPlan, split_clips

UNIT = Continuous(0.0, 1.0)
AFFECT = {"valence": UNIT, "energy": UNIT, "danceability": UNIT}


@pytest.fixture(scope="module")
def fma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    return write_fma(tmp_path_factory.mktemp("fma"))


def labels(source: FMAAudioSource) -> dict[str, object]:
    return {clip.id: clip.labels.get("genre") for clip in source.clips()}


@pytest.mark.parametrize(
    ("subset", "numbers"),
    [
        ("small", [2, 5, 140, 1040]),
        ("medium", [2, 5, 140, 182, 1040, 1482, 134000]),
        ("large", list(TRACKS)),
        ("full", list(TRACKS)),
    ],
)
def test_subsets_contain_those_before_them(fma: Path, subset: str, numbers: list[int]) -> None:
    source = fma_source("fma_audio", fma, subset=subset)
    assert source.name == f"fma_{subset}"
    assert [clip.id for clip in source.clips()] == [f"{number:06d}" for number in numbers]


def test_clips_carry_genre_affect_artist_and_official_part(fma: Path) -> None:
    first, second, third, fourth = fma_source("fma_audio", fma).clips()
    assert first.labels == {"genre": "Hip-Hop", "valence": 0.5, "energy": 0.25, "danceability": 0.75}
    assert (first.id, first.group, first.split, first.fold) == ("000002", "artist-1", "train", None)
    assert second.labels == {"genre": "Hip-Hop"}
    assert third.labels == {"genre": "Folk", "valence": 0.1, "energy": 1.0, "danceability": 0.0}
    assert (third.split, fourth.split) == ("val", "test")


def test_albums_can_be_the_groups_and_a_track_without_one_stands_alone(fma: Path) -> None:
    assert [clip.group for clip in fma_source("fma_audio", fma, group="album").clips()] == [
        "album-1", "album-1", None, "album-71",
    ]  # fmt: skip


def test_files_come_from_the_smallest_archive_that_has_them(fma: Path) -> None:
    paths = {clip.id: clip.path for clip in fma_source("fma_audio", fma, subset="large").clips()}
    assert paths["000002"] == fma / "fma_small" / "000" / "000002.mp3"
    assert paths["134000"] == fma / "fma_medium" / "134" / "134000.mp3"
    assert soundfile.info(paths["134000"]).format == "MP3"
    assert paths["003573"] == fma / "fma_large" / "003" / "003573.mp3"  # where it should be
    assert not paths["003573"].exists()


def test_absent_files_stay_clips_and_are_told(tmp_path: Path) -> None:
    root = write_fma(tmp_path, ["small"])
    assert fma_source("fma_audio", root).remarks() == []
    source = fma_source("fma_audio", root, subset="medium")
    assert len(source.clips()) == 7
    (remark,) = source.remarks()
    assert remark == "3 of 7 tracks of fma_medium have no file (first: '000182'); they are left out."


@pytest.mark.parametrize("archive", ["large", "full"])
def test_a_larger_archive_alone_is_enough(tmp_path: Path, archive: str) -> None:
    root = write_fma(tmp_path, [archive])
    assert [clip.path.parts[-3] for clip in fma_source("fma_audio", root).clips()] == [f"fma_{archive}"] * 4


def test_targets_are_known_without_any_audio(tmp_path: Path) -> None:
    source = fma_source("fma_audio", write_fma(tmp_path, []))
    assert source.targets == {"genre": Categorical(("Folk", "Hip-Hop", "Rock")), **AFFECT}
    with pytest.raises(DataNotFoundError, match="no folder fma_small, fma_medium, fma_large or fma_full in"):
        source.clips()


def test_both_tasks_of_the_lab_run_on_it(fma: Path) -> None:
    for task, expected in (("genre", {"genre"}), ("affect", set(AFFECT)), ("joint", {"genre", *AFFECT})):
        cfg = compose("train", "data=fma_audio_beat", f"data.root={fma}", f"task={task}")
        source = build.source(cfg)
        check_task(cfg, source)
        assert expected <= source.targets.keys()
        assert source.name == "fma_small_beat"
        parts = split_clips(source.clips(), ["genre"], SplitPlan())
        assert {name: len(part) for name, part in parts.items()} == {"train": 2, "val": 1, "test": 1}


def test_all_genres_are_searched_from_the_most_specific_upwards(fma: Path) -> None:
    mapping = "{Punk:[Punk],Rock:[Rock],Hip-Hop:[Hip-Hop]}"
    source = fma_source("fma_audio", fma, subset="large", genre="all", class_mapping=mapping)
    assert source.targets["genre"] == Categorical(("Hip-Hop", "Punk", "Rock"))
    found = labels(source)
    assert found["000182"] == "Punk"  # Post-Punk is unknown, its parent is not
    assert found["003573"] == "Rock"  # no top genre; the first of equals
    assert found["000140"] is None
    assert labels(fma_source("fma_audio", fma, subset="large", genre="all"))["000182"] == "Post-Punk"
    assert labels(fma_source("fma_audio", fma, subset="large"))["003573"] is None


def test_tracks_of_no_class_keep_their_affect_and_are_told(fma: Path) -> None:
    source = fma_source("fma_audio", fma, class_mapping="{Loud:[Rock,Metal],Spoken:[Hip-Hop]}")
    assert source.targets["genre"] == Categorical(("Loud", "Spoken"))
    third = source.clips()[2]
    assert third.labels == {"valence": 0.1, "energy": 1.0, "danceability": 0.0}
    assert source.remarks() == ["1 tracks have a genre of no class and carry no genre label (Folk: 1)."]


def test_the_classes_of_the_lab(fma: Path) -> None:
    source = fma_source("fma_audio_lab", fma)
    lab = compose("train", "data=fma").data.source.class_mapping
    assert source.targets["genre"] == Categorical(tuple(sorted(lab)))
    assert labels(source) == {
        "000002": "Hip-Hop", "000005": "Hip-Hop", "000140": "Folk", "001040": "Rock", "001482": "Electronic",
    }  # fmt: skip  # Post-Punk and International are dropped


def test_the_mapping_of_the_lab_is_that_of_its_ready_made_set() -> None:
    assert (
        compose("train", "data=fma_audio_lab").data.source.class_mapping
        == compose("train", "data=fma").data.source.class_mapping
    )


@pytest.mark.parametrize("setting", ["class_mapping={Rap:[HipHop]}", "dropped=[HipHop]"])
def test_a_title_that_fma_does_not_have_is_refused(fma: Path, setting: str) -> None:
    key, value = setting.split("=")
    with pytest.raises(LabelError) as caught:
        fma_source("fma_audio", fma, **{key: value}).clips()
    assert "names the genre 'HipHop', did you mean 'Hip-Hop'?" in caught.value.found
    assert "genres.csv" in caught.value.expected


def test_a_title_in_two_places_is_refused(fma: Path) -> None:
    for words in ({"class_mapping": "{a:[Rock],b:[Folk,Rock]}"}, {"class_mapping": "{a:[Rock]}", "dropped": "[Rock]"}):
        with pytest.raises(ConfigurationError, match="name 'Rock' more than once"):
            fma_source("fma_audio", fma, **words)


def test_values_outside_zero_and_one_are_missing_and_counted(tmp_path: Path) -> None:
    root = write_fma(tmp_path)
    write_echonest(root, {2: (1.2, 0.5, ""), 5: ("nan", -0.1, 0.5), 140: (0, 1, 0.5), 1482: (7, 7, 7)})
    source = fma_source("fma_audio", root)
    affect = [{key: value for key, value in clip.labels.items() if key != "genre"} for clip in source.clips()]
    assert affect == [
        {"energy": 0.5}, {"danceability": 0.5}, {"valence": 0.0, "energy": 1.0, "danceability": 0.5}, {},
    ]  # fmt: skip
    assert source.remarks() == ["4 of 9 values of Echonest are not in [0, 1]: missing labels."]


@pytest.mark.parametrize("table", ["absent", "of others"])
def test_affect_without_a_value_is_refused_with_the_reason(tmp_path: Path, table: str) -> None:
    root = write_fma(tmp_path)
    path = write_echonest(root, {1482: (0.5, 0.5, 0.5)})
    if table == "absent":
        path.unlink()
    cfg = compose("train", "data=fma_audio", f"data.root={root}", "task=affect")
    with pytest.raises(TaskMismatchError) as caught:
        check_task(cfg, build.source(cfg))
    reason = "is not there; fma_metadata.zip has it" if table == "absent" else "has it for none of the 4 tracks"
    assert f"{path} {reason}" in caught.value.found


def test_a_mapping_that_meets_no_track_is_refused_with_the_reason(fma: Path) -> None:
    words = ["data=fma_audio", f"data.root={fma}", "data.source.class_mapping={Jazz:[Jazz]}", "task=genre"]
    cfg = compose("train", *words)
    with pytest.raises(TaskMismatchError, match=r"none of the 4 tracks of fma_small has a genre that data\.source"):
        check_task(cfg, build.source(cfg))


@pytest.mark.parametrize("table", ["tracks.csv", "genres.csv"])
def test_missing_metadata_names_where_it_comes_from(tmp_path: Path, table: str) -> None:
    root = write_fma(tmp_path)
    (root / "fma_metadata" / table).unlink()
    with pytest.raises(DataNotFoundError) as caught:
        fma_source("fma_audio", root, genre="all").clips()
    assert caught.value.found == f"no fma_metadata/{table} in {root}"
    assert "fma_metadata.zip" in caught.value.fix
    assert "MUSIC_AFFECT_FMA" in caught.value.fix
    shutil.rmtree(root / "fma_metadata")
    with pytest.raises(DataNotFoundError):
        _ = fma_source("fma_audio", root).targets


def test_no_folder_at_all_names_the_setting(monkeypatch: pytest.MonkeyPatch, fma: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"data=fma_audio without a folder; .*data\.root"):
        FMAAudioSource(None)
    monkeypatch.setenv("MUSIC_AFFECT_FMA", str(fma))
    assert len(build.source(compose("train", "data=fma_audio")).clips()) == 4


@pytest.mark.parametrize(
    ("setting", "hint"), [("subset=smal", ", did you mean 'small'?"), ("genre=both", ""), ("group=track", "")]
)
def test_choices_that_do_not_exist_are_refused(fma: Path, setting: str, hint: str) -> None:
    key, value = setting.split("=")
    with pytest.raises(ConfigurationError) as caught:
        fma_source("fma_audio", fma, **{key: value})
    assert caught.value.found == f"data.{'' if key == 'subset' else 'source.'}{setting}{hint}"


def test_a_changed_table_gives_other_clips(tmp_path: Path) -> None:
    root = write_fma(tmp_path)
    assert len(fma_source("fma_audio", root).clips()) == 4
    write_tracks(root, {182: {("set", "subset"): "small", ("track", "genre_top"): "Metal"}})
    write_audio(root, "small", 182)
    assert labels(fma_source("fma_audio", root))["000182"] == "Metal"
