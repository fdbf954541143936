"""Scales of a folder's table: their ends, cells that are no numbers, values that look like mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab_files import lab_source, write_affect_set
from running import compose

from music_affect.contracts.errors import ConfigurationError, LabelError, MusicAffectError, TaskMismatchError
from music_affect.contracts.spec import Categorical, Continuous
from music_affect.data.folder import FolderSource
from music_affect.train import train

BRIEF = ["model=cnn_fast", "trainer=cpu", "trainer.max_epochs=1", "loader.windows=1", "workers=1"]


def folder(root: Path, values: list[str], **settings: object) -> FolderSource:
    """Clips with these cells as ``valence``."""
    root.mkdir(exist_ok=True)
    rows = "".join(f"{place}.wav,{value}\n" for place, value in enumerate(values))
    for place in range(len(values)):
        (root / f"{place}.wav").touch()
    (root / "labels.csv").write_text(f"path,valence\n{rows}")
    return FolderSource(root, **settings)  # type: ignore[arg-type]


def refused_run(root: Path, *words: str) -> MusicAffectError:
    with pytest.raises(MusicAffectError) as caught:
        train(compose("train", *words, *BRIEF), root / "run")
    assert not (root / "run" / "metrics.json").exists()
    return caught.value


@pytest.mark.parametrize(
    ("values", "ranges", "wanted"),
    [
        (["0", "0.5", "1"], None, Continuous(0, 1)),
        (["0", "0.5", "1.01"], None, Continuous()),
        (["1", "5", "9"], None, Continuous()),
        (["1", "5", "9"], {"valence": [1, 9]}, Continuous(1, 9)),
        (["0.2", "", "0.4"], {"valence": [-1, 1]}, Continuous(-1, 1)),
    ],
)
def test_ends_are_those_given_or_zero_and_one_where_all_values_lie_between(
    tmp_path: Path, values: list[str], ranges: dict[str, list[float]] | None, wanted: Continuous
) -> None:
    assert folder(tmp_path, values, ranges=ranges).targets == {"valence": wanted}


@pytest.mark.parametrize("value", ["9.5", "0.5", "-3"])
def test_a_value_outside_its_given_ends_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(LabelError) as caught:
        folder(tmp_path, ["1", value, "9"], ranges={"valence": [1, 9]}).clips()
    assert caught.value.found == f"{tmp_path / 'labels.csv'} has valence={value} for 1.wav"
    assert caught.value.expected == "numbers from 1.0 to 9.0, as data.source.ranges says"
    assert caught.value.fix == "correct the cell or the range"


def test_ends_of_a_column_that_is_not_there_name_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"has no column 'valance', did you mean 'valence'\?"):
        _ = folder(tmp_path, ["1", "2"], ranges={"valance": [1, 9]}).targets


def test_ends_make_a_column_a_scale_whose_text_is_then_named(tmp_path: Path) -> None:
    values = ["1", "high", "1", "high"]
    assert folder(tmp_path, values).targets == {"valence": Categorical(("1", "high"))}
    with pytest.raises(LabelError) as caught:
        _ = folder(tmp_path, values, ranges={"valence": [1, 9]}).targets
    assert caught.value.found.endswith("has 'high' in the number column 'valence' for 1.wav")


def test_few_values_outside_zero_and_one_are_remarked_on(tmp_path: Path) -> None:
    source = folder(tmp_path, [*["0.5", "0.25"] * 15, "85"])
    assert source.targets == {"valence": Continuous()}
    (remark,) = source.remarks()
    assert "'valence' lies in [0, 1] but for 1 of 31 clips (first: 85 for 30.wav)" in remark
    assert "data.source.ranges={valence:[LOW,HIGH]}" in remark


@pytest.mark.parametrize("values", [["0.5", "0.25"] * 15, ["5", "0.25", "7"] * 10])
def test_ordinary_scales_are_not_remarked_on(tmp_path: Path, values: list[str]) -> None:
    assert folder(tmp_path, values).remarks() == []


@pytest.mark.parametrize("ends", ["[1]", "[1,5,9]", "[9,1]", "[1,1]", "[1,x]", "[0,inf]", "5"])
def test_ends_that_are_no_ends_are_refused(tmp_path: Path, ends: str) -> None:
    folder(tmp_path, ["1", "5", "9"])
    words = ["data=folder", f"data.root={tmp_path}", f"data.source.ranges={{valence:{ends}}}", "task=valence"]
    error = refused_run(tmp_path, *words)
    assert isinstance(error, ConfigurationError)
    assert error.found.replace(" ", "") == f"data.source.rangeshasvalence:{ends}".replace("x", "'x'")
    assert error.expected == "two numbers, the lower one first"


def test_text_among_numbers_is_named_where_the_task_needs_the_column(tmp_path: Path) -> None:
    folder(tmp_path, ["0.5", "0.25", "high", "0.75"])
    error = refused_run(tmp_path, "data=folder", f"data.root={tmp_path}", "task=valence")
    assert isinstance(error, TaskMismatchError)
    assert "'valence': its column has the text 'high' for 2.wav" in error.found


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["", "", ""], "its column is empty"),
        (["low", "high", "some", "more"], "its column holds 4 different texts"),
    ],
)
def test_a_column_that_is_no_scale_says_why(tmp_path: Path, values: list[str], told: str) -> None:
    folder(tmp_path, values)
    error = refused_run(tmp_path, "data=folder", f"data.root={tmp_path}", "task=valence")
    assert f"'valence': {told}" in error.found


def test_a_constant_target_is_refused(tmp_path: Path) -> None:
    lab = write_affect_set(tmp_path / "multitask_dataset")
    lines = (lab / "train_labels.txt").read_text().splitlines()
    cells = [line.split(",") for line in lines[1:]]
    (lab / "train_labels.txt").write_text("\n".join([lines[0], *(f"{c[0]},0.5,{c[2]},{c[3]}" for c in cells)]) + "\n")
    words = ["data=multitask", f"data.root={tmp_path}"]
    error = refused_run(tmp_path, *words, "task=affect")
    assert isinstance(error, LabelError)
    assert error.found == "all clips have the same 'valence' (0.5)"
    assert "task.targets" in error.fix
    train(compose("train", *words, "task=affect", "task.targets=[energy]", *BRIEF), tmp_path / "energy")


@pytest.mark.parametrize("value", ["1.2", "-0.1", "nan", "high"])
def test_labels_out_of_the_range_of_the_lab_are_refused(tmp_path: Path, value: str) -> None:
    lab = write_affect_set(tmp_path / "multitask_dataset", train=3, test=1)
    table = (lab / "train_labels.txt").read_text().splitlines()
    (lab / "train_labels.txt").write_text("\n".join([*table[:2], f"2003,0.5,{value},0.5", *table[3:]]) + "\n")
    with pytest.raises(LabelError) as caught:
        lab_source("multitask", tmp_path).clips()
    assert caught.value.found.startswith("line 3 of ")
    assert value in caught.value.found
    assert "numbers in [0, 1]" in caught.value.expected
