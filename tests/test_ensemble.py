"""Finished runs averaged and pooled, against a computation by hand from their predictions."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from running import entry_point, train_quickly
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score

from music_affect.contracts.errors import RunFolderError
from music_affect.ensemble import ensemble, print_table
from music_affect.system import files

SCALES = ("valence", "energy", "danceability")
Rows = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two seeds on two folds, named as runs are by default."""
    root = tmp_path_factory.mktemp("runs")
    made = []
    for seed in (0, 1):
        for fold in (0, 1):
            made.append(root / f"synthetic-fused-cnn_fast-s{seed}-f{fold}")
            words = ["task=joint", f"seed={seed}", f"data.fold={fold}", "trainer.max_epochs=2"]
            train_quickly(made[-1], *words)
    return made


def answers(folder: Path) -> Rows:
    return {row["id"]: row for row in files.read_csv(folder / "predictions.csv") if row["split"] == "test"}


def by_hand(members: list[Rows]) -> dict[str, float]:
    """Scores of the mean of the members' answers, clip by clip."""
    ids = sorted(members[0])
    columns = [column for column in members[0][ids[0]] if column.startswith("p(")]
    shares = np.array([[[float(rows[clip][column]) for column in columns] for clip in ids] for rows in members]).mean(0)
    told = [columns[place].removeprefix("p(").removesuffix(")") for place in shares.argmax(1)]
    genres = [members[0][clip]["genre"] for clip in ids]
    found = {"f1": f1_score(genres, told, average="macro"), "accuracy": accuracy_score(genres, told)}
    for name in SCALES:
        values = np.mean([[float(rows[clip][f"predicted {name}"]) for clip in ids] for rows in members], axis=0)
        found[name] = stats.spearmanr(values, [float(members[0][clip][name]) for clip in ids])[0]
    return found


def test_seeds_are_averaged_and_folds_pooled(runs: list[Path], tmp_path: Path) -> None:
    content = ensemble(runs, tmp_path / "out")
    members = [answers(runs[0]) | answers(runs[1]), answers(runs[2]) | answers(runs[3])]
    wanted = by_hand(members)
    assert content["clips"] == len(members[0]) == len(answers(runs[0])) + len(answers(runs[1]))
    genre, affect = content["scores"]["classification"], content["scores"]["regression"]
    assert genre["f1_macro"]["value"] == pytest.approx(wanted["f1"])
    assert genre["accuracy"]["value"] == pytest.approx(wanted["accuracy"])
    for name in SCALES:
        assert affect["by_target"][name]["spearman"]["value"] == pytest.approx(wanted[name])
    assert affect["spearman"]["value"] == pytest.approx(np.mean([wanted[name] for name in SCALES]))
    assert affect["spearman"]["low"] < affect["spearman"]["value"] < affect["spearman"]["high"]
    assert content == json.loads((tmp_path / "out" / "scores.json").read_text())
    assert content["synthetic"] is True


def test_each_member_stands_beside_them_alone(runs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    content = ensemble([runs[0], runs[2], runs[3], runs[1]], None)
    assert sorted(content["members"]) == ["cnn_fast fused s0", "cnn_fast fused s1"]
    for seed in (0, 1):
        alone = by_hand([answers(runs[2 * seed]) | answers(runs[2 * seed + 1])])
        found = content["members"][f"cnn_fast fused s{seed}"]["regression"]["by_target"]
        assert found["energy"]["spearman"]["value"] == pytest.approx(alone["energy"])
    print_table(content)
    told = capsys.readouterr().out
    assert f"SYNTHETIC music, {content['clips']} test clips" in told
    assert "all 2, averaged" in told


def test_the_predictions_are_the_means(runs: list[Path], tmp_path: Path) -> None:
    ensemble([runs[0], runs[2]], tmp_path)
    first, second = answers(runs[0]), answers(runs[2])
    rows = files.read_csv(tmp_path / "predictions.csv")
    assert [row["id"] for row in rows] == sorted(first)
    for row in rows:
        for column in ("predicted energy", "p(Jazz)"):
            mean = (float(first[row["id"]][column]) + float(second[row["id"]][column])) / 2
            assert float(row[column]) == pytest.approx(mean, abs=1e-6)
        assert (row["genre"], row["energy"]) == (first[row["id"]]["genre"], first[row["id"]]["energy"])
        assert float(row[f"p({row['predicted genre']})"]) == max(float(v) for k, v in row.items() if k[:2] == "p(")


def test_one_run_is_an_ensemble_of_itself(runs: list[Path]) -> None:
    scores = ensemble(runs[:1], None)["scores"]
    metrics = files.read_json(runs[0] / "metrics.json")
    value = metrics["test"]["regression"]["spearman"]["value"]
    assert scores["regression"]["spearman"]["value"] == pytest.approx(value, abs=1e-4)
    f1 = metrics["test"]["classification"]["f1_macro"]["value"]
    assert scores["classification"]["f1_macro"]["value"] == pytest.approx(f1)


@pytest.fixture
def sweep(runs: list[Path], tmp_path: Path) -> Path:
    """A sweep's folder with two learning rates of two seeds, and a run that was cut off."""
    root = tmp_path / "sweep"
    for number, run in enumerate((runs[0], runs[2])):
        shutil.copytree(run, root / f"{number}-{run.name}-0a0a0a0{number}")
        other = Path(shutil.copytree(run, root / f"{number + 2}-{run.name}-0b0b0b0{number}"))
        settings = (other / "config.yaml").read_text().replace("learning_rate: 0.002", "learning_rate: 0.01")
        (other / "config.yaml").write_text(settings)
        assert settings != (run / "config.yaml").read_text()
    (root / "4-cut-off").mkdir()
    files.write_json(root / "4-cut-off" / "status.json", {"state": "running"})
    return root


def test_a_sweep_has_a_row_a_configuration(
    runs: list[Path], sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = ensemble([sweep], tmp_path / "out")
    assert (content["configurations"], len(content["runs"]), content["scores"]) == (2, 4, None)
    assert sorted(content["members"]) == ["model.recipe.learning_rate 0.002", "model.recipe.learning_rate 0.01"]
    seeds = ensemble([runs[0], runs[2]], None)
    assert all(scores == seeds["scores"] for scores in content["members"].values())
    assert not (tmp_path / "out" / "predictions.csv").exists()
    print_table(content)
    told = capsys.readouterr().out
    assert "4 runs have 2 configurations, which differ in model.recipe.learning_rate." in told
    assert "averaged" not in told.split("configurations")[0]


def test_configurations_are_averaged_where_it_is_asked_for(sweep: Path, runs: list[Path], tmp_path: Path) -> None:
    content = ensemble([sweep], tmp_path, together=True)
    twice, once = (
        json.loads(json.dumps(found["scores"]), parse_float=lambda text: round(float(text), 12))  # a mean is rounded
        for found in (content, ensemble([runs[0], runs[2]], None))
    )
    assert twice == once
    assert (tmp_path / "predictions.csv").is_file()


def test_alarms_of_the_members_are_repeated(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = Path(shutil.copytree(runs[0], tmp_path / "one"))
    metrics = files.read_json(one / "metrics.json")
    leak = {"name": "leaked start", "message": "the start was trained on 9 of the 9 test clips [sic]."}
    files.write_json(one / "metrics.json", {**metrics, "alarms": [*metrics["alarms"], leak]})
    content = ensemble([one, runs[2]], None)
    assert {**leak, "runs": 1} in content["alarms"]
    print_table(content)
    assert f"ALARM leaked start: {leak['message']} (in 1 of 2 runs)" in capsys.readouterr().out


def changed(run: Path, to: Path, column: str, cell: str) -> Path:
    """A copy of a run whose last prediction has another cell in a column."""
    shutil.copytree(run, to)
    rows = files.read_csv(to / "predictions.csv")
    rows[-1][column] = cell
    with (to / "predictions.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return to


def refusal(*folders: Path) -> RunFolderError:
    with pytest.raises(RunFolderError) as caught:
        ensemble(folders, None)
    return caught.value


def test_unequal_members_are_refused(runs: list[Path]) -> None:
    error = refusal(*runs[:3])
    assert "was tested by 1 of the runs and others by 2" in error.found
    assert "the same folds of each member" in error.expected


def test_runs_with_other_labels_are_refused(runs: list[Path], tmp_path: Path) -> None:
    error = refusal(runs[0], changed(runs[2], tmp_path / "older", "energy", "0.123"))
    assert error.found.startswith("the runs have different labels 'energy' for clip ")
    assert "0.123" in error.found


def test_runs_with_other_targets_are_refused(runs: list[Path], tmp_path: Path) -> None:
    train_quickly(tmp_path / "valence", "task=valence", "data.fold=0", "trainer.max_epochs=1")
    error = refusal(runs[0], tmp_path / "valence")
    assert error.found.startswith(f"{tmp_path / 'valence'} has the labels valence (0.0 to 1.0) and ")
    assert error.fix == "leave out the runs that differ"


def test_runs_with_other_classes_are_refused(runs: list[Path], tmp_path: Path) -> None:
    other = Path(shutil.copytree(runs[2], tmp_path / "other"))
    for name in ("metrics.json", "predictions.csv"):
        (other / name).write_text((other / name).read_text().replace("Blues", "Chiptune"))
    error = refusal(runs[0], other)
    assert error.found.startswith(f"{other} has the labels genre (")
    assert "Chiptune" in error.found
    assert error.expected == "runs on one data set with the same labels and classes"


def test_runs_on_other_data_are_refused(runs: list[Path], tmp_path: Path) -> None:
    other = Path(shutil.copytree(runs[2], tmp_path / "other"))
    files.write_json(other / "metrics.json", {**files.read_json(other / "metrics.json"), "data": "fma"})
    assert refusal(runs[0], other).found == f"{other} has the data fma and {runs[0]} has synthetic"


def test_a_run_that_has_not_finished_is_refused(runs: list[Path], tmp_path: Path) -> None:
    shutil.copytree(runs[2], tmp_path / "half")
    (tmp_path / "half" / "metrics.json").unlink()
    error = refusal(runs[0], tmp_path / "half")
    assert error.found == f"{tmp_path / 'half'} lacks metrics.json"
    assert error.expected == "a finished run"


@pytest.mark.slow
def test_the_command_prints_and_writes_the_ensemble(runs: list[Path], tmp_path: Path) -> None:
    done = entry_point("ensemble", *map(str, runs), "--out", str(tmp_path / "out"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mean Spearman" in done.stdout
    assert len(files.read_csv(tmp_path / "out" / "predictions.csv")) == len(answers(runs[0]) | answers(runs[1]))
    failed = entry_point("ensemble", str(tmp_path / "nowhere"), cwd=tmp_path)
    assert failed.returncode == 1
    assert failed.stderr == f"error: {refusal(tmp_path / 'nowhere')}\n"
