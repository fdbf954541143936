"""Answers for clips without labels: as a table, and as the submission file of the lab's competition."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from audio_files import write_music
from lab_files import write_affect_set
from running import compose, entry_point, train_quickly

from music_affect.contracts.errors import (
    CheckpointError,
    ConfigurationError,
    DataNotFoundError,
    MusicAffectError,
    RunFolderError,
    TaskMismatchError,
)
from music_affect.evaluate import evaluate
from music_affect.predict import predict
from music_affect.system import files
from music_affect.train import train

AFFECT = ("valence", "energy", "danceability")
BRIEF = ["model=cnn_fast", "trainer=cpu", "trainer.max_epochs=1", "loader.windows=1", "workers=1"]
TEST_IDS = [str(number) for number in range(4000, 4024, 3)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The affect set alone, whose ids have three and four digits."""
    root = tmp_path_factory.mktemp("lab")
    write_affect_set(root / "multitask_dataset")
    (root / "multitask_dataset" / "test" / "4006.fused.full.npy").rename(
        root / "multitask_dataset" / "test" / "998.fused.full.npy"
    )
    return root


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "affect"
    train(compose("train", "data=multitask", f"data.root={root}", "task=affect", *BRIEF), folder)
    return folder


@pytest.fixture(scope="module")
def genre(lab_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "genre"
    train(compose("train", "data=fma", f"data.root={lab_root}", "task=genre", *BRIEF), folder)
    return folder


def predicted(run: Path, *words: str) -> Path:
    return predict(compose("predict", f"checkpoint={run}", "accelerator=cpu", *words))


def refusal(run: Path, *words: str) -> MusicAffectError:
    with pytest.raises(MusicAffectError) as caught:
        predicted(run, *words)
    return caught.value


@pytest.mark.parametrize("header", ["Id", "Id.fused.full.npy.gz"])
@pytest.mark.parametrize("suffix", ["", ".fused.full.npy", ".fused.full.npy.gz"])
def test_the_submission_has_a_row_a_file_sorted_by_id(
    run: Path, root: Path, tmp_path: Path, header: str, suffix: str
) -> None:
    words = ["data=multitask", f"data.root={root}", "split=test", "format=kaggle", f"out={tmp_path / 'out.csv'}"]
    path = predicted(run, *words, f"kaggle.header={header}", f"kaggle.suffix='{suffix}'")
    lines = path.read_text().splitlines()
    ids = ["998", *(number for number in TEST_IDS if number != "4006")]
    assert lines[0] == f"{header},valence,energy,danceability"
    assert [line.split(",")[0] for line in lines[1:]] == [f"{number}{suffix}" for number in ids]
    assert len(lines) - 1 == len(list((root / "multitask_dataset" / "test").iterdir()))
    assert all(0 <= float(cell) <= 1 for line in lines[1:] for cell in line.split(",")[1:])


def test_the_default_style_is_that_of_the_competition(run: Path) -> None:
    path = predicted(run, "split=test", "format=kaggle")
    assert path == run / "predictions" / "multitask-test-kaggle.csv"
    header, first, *_ = path.read_text().splitlines()
    assert header == "Id,valence,energy,danceability"
    assert first.startswith("998.fused.full.npy.gz,0.")


def test_both_formats_hold_the_same_answers(run: Path, tmp_path: Path) -> None:
    table = files.read_csv(predicted(run, "split=test", f"out={tmp_path / 'a.csv'}"))
    submission = files.read_csv(predicted(run, "split=test", "format=kaggle", f"out={tmp_path / 'b.csv'}"))
    by_id = {row["id"].removeprefix("test/"): row for row in table}
    assert len(by_id) == len(submission) == 8
    for row in submission:
        same = by_id[row["Id"].split(".")[0]]
        for name in AFFECT:
            assert float(row[name]) == pytest.approx(float(same[f"predicted {name}"]), abs=1e-6)
        assert [same[name] for name in AFFECT] == ["", "", ""]
        assert same["split"] == "test"
    assert len({row["energy"] for row in submission}) > 4, "one answer for all would prove nothing"


def test_a_table_of_all_clips_holds_the_labels_that_there_are(run: Path, root: Path, tmp_path: Path) -> None:
    rows = files.read_csv(predicted(run, f"out={tmp_path / 'all.csv'}"))
    labelled = [row for row in rows if row["valence"]]
    assert (len(rows), len(labelled)) == (32, 24)
    lines = (root / "multitask_dataset" / "train_labels.txt").read_text().splitlines()[1:]
    assert {row["id"]: row["energy"] for row in labelled} == {
        f"train/{number}": f"{float(energy):.6g}" for number, _, energy, _ in (line.split(",") for line in lines)
    }
    tested = {row["id"]: row for row in files.read_csv(run / "predictions.csv")}
    for row in rows:
        if row["id"] in tested:
            energy = float(tested[row["id"]]["predicted energy"])
            assert float(row["predicted energy"]) == pytest.approx(energy, abs=1e-5)


def test_classes_are_predicted_as_a_table(genre: Path, tmp_path: Path) -> None:
    rows = files.read_csv(predicted(genre, "split=test", f"out={tmp_path / 'genre.csv'}"))
    assert len(rows) == 15
    shares = [[float(cell) for column, cell in row.items() if column.startswith("p(")] for row in rows]
    assert all(sum(share) == pytest.approx(1, abs=1e-5) for share in shares)
    assert all(
        float(row[f"p({row['predicted genre']})"]) == max(share) for row, share in zip(rows, shares, strict=True)
    )


def test_an_existing_file_is_kept(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("precious")
    error = refusal(run, "split=test", f"out={tmp_path / 'mine.csv'}")
    assert isinstance(error, RunFolderError)
    assert error.found == f"{tmp_path / 'mine.csv'} is there already"
    assert "add overwrite=true" in str(error)
    assert (tmp_path / "mine.csv").read_text() == "precious"
    predicted(run, "split=test", f"out={tmp_path / 'mine.csv'}", "overwrite=true")
    assert len(files.read_csv(tmp_path / "mine.csv")) == 8


def test_a_checkpoint_that_does_not_predict_affect_is_refused(genre: Path) -> None:
    error = refusal(genre, "split=test", "format=kaggle")
    assert isinstance(error, TaskMismatchError)
    assert error.found == "the checkpoint predicts genre, not valence, energy, danceability"
    assert "task=affect or task=joint" in error.expected
    assert "format=csv" in error.fix


def test_a_submission_over_two_sets_is_refused(lab_root: Path, tmp_path: Path) -> None:
    words = ["data=fma", f"data.root={lab_root}", "data@also=multitask", f"also.root={lab_root}", "task=joint"]
    train(compose("train", *words, *BRIEF), tmp_path / "joint")
    error = refusal(tmp_path / "joint", "split=test", "format=kaggle")
    assert isinstance(error, ConfigurationError)
    assert error.found.startswith("a submission over data=fma and data@also=multitask")
    path = predicted(tmp_path / "joint", "split=test", "format=kaggle", "data=multitask", f"data.root={lab_root}")
    assert len(files.read_csv(path)) == 8


@pytest.mark.parametrize(
    ("words", "found", "expected"),
    [
        (["split=val"], "data=multitask has no clips in the split val", "a split that the data set prescribes"),
    ],
)
def test_words_that_are_not_known(run: Path, words: list[str], found: str, expected: str) -> None:
    error = refusal(run, *words)
    assert isinstance(error, ConfigurationError)
    assert error.found == found
    assert error.expected.startswith(expected)


def test_nothing_at_the_checkpoint_and_other_features(run: Path, lab_root: Path, tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere").found == f"nothing at checkpoint={tmp_path / 'nowhere'}"
    error = refusal(run, "data=multitask_beat", f"data.root={lab_root}", "split=test")
    assert isinstance(error, CheckpointError)
    assert "beat=True and the checkpoint was trained with beat=False" in error.found


def test_a_broken_file_is_left_out_of_a_table_and_refused_in_a_submission(
    run: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root, tmp_path / "lab")
    (tmp_path / "lab" / "multitask_dataset" / "test" / "4009.fused.full.npy.gz").write_bytes(b"broken")
    words = ["data=multitask", f"data.root={tmp_path / 'lab'}", "split=test", f"out={tmp_path / 'out.csv'}"]
    error = refusal(run, *words, "format=kaggle")
    assert isinstance(error, DataNotFoundError)
    assert error.found == "1 of 8 clips have no features"
    assert "skipped.csv" in error.fix
    assert not (tmp_path / "out.csv").exists()
    capsys.readouterr()
    assert len(files.read_csv(predicted(run, *words))) == 7
    assert "1 of 8 clips cannot be used" in capsys.readouterr().out


def test_scoring_what_has_no_labels_is_refused_with_the_way_out(run: Path, root: Path) -> None:
    words = [f"checkpoint={run}", "data=multitask", f"data.root={root}", "part=test", "accelerator=cpu"]
    with pytest.raises(ConfigurationError) as caught:
        evaluate(compose("evaluate", *words))
    assert caught.value.found == "the test part of data=multitask has 8 clips and no labels"
    assert "music_affect.predict" in caught.value.fix
    assert "data.fold=0" in caught.value.fix


@pytest.mark.slow
def test_the_command_writes_the_submission(run: Path, root: Path, tmp_path: Path) -> None:
    words = [f"checkpoint={run}", "data=multitask", f"data.root={root}", "split=test", "format=kaggle"]
    words += [f"out={tmp_path / 'submission.csv'}", "kaggle.suffix=''"]
    done = entry_point("predict", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"8 clips: {tmp_path / 'submission.csv'}" in done.stdout
    assert [row["Id"] for row in files.read_csv(tmp_path / "submission.csv")][:2] == ["998", "4000"]


def test_a_submission_holds_the_test_part_where_no_split_is_named(run: Path, tmp_path: Path) -> None:
    rows = predicted(run, "format=kaggle", f"out={tmp_path / 'all.csv'}").read_text().splitlines()[1:]
    assert len(rows) == len(TEST_IDS)


def test_someones_music_needs_no_table(tmp_path: Path) -> None:
    train_quickly(tmp_path / "run", "model=majority")
    write_music(tmp_path / "music" / "some album", 2)
    write_music(tmp_path / "music", 1, suffix=".flac")
    (tmp_path / "music" / "notes.mp3").write_text("no sounds")
    words = ["data=folder", f"data.root={tmp_path / 'music'}", "workers=1"]
    out = predict(compose("predict", f"checkpoint={tmp_path / 'run'}", *words))
    rows = files.read_csv(out)
    assert [row["id"] for row in rows] == ["000.flac", "some album/000.wav", "some album/001.wav"]
    assert all(row["genre"] == "" and row["predicted genre"] for row in rows)
