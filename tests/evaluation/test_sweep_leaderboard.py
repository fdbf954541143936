"""Rows of the leaderboard against figures computed elsewhere."""

from __future__ import annotations

import csv
import json
import os
import shutil
import statistics
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import f1_score
from sweep_folders import ALARM, CLASSES, GENRE, VALENCE, write_cell

from music_affect.evaluation.pooling import pool
from music_affect.evaluation.sweep_report.axes import find_axes
from music_affect.evaluation.sweep_report.leaderboard import Row, rows_of
from music_affect.evaluation.sweep_report.resampling import resample
from music_affect.evaluation.sweep_report.spelling import Spelling
from music_affect.runs.reader import find_run, find_runs


def rows(folder: Path) -> list[Row]:
    runs = find_runs(folder)
    return rows_of(runs, ["model.name", *find_axes(runs)], Spelling(runs))


def answers(folder: Path, name: str = "predictions.csv") -> tuple[list[str], list[str]]:
    with (folder / name).open() as file:
        found = list(csv.DictReader(file))
    return [row["genre"] for row in found], [row["predicted genre"] for row in found]


def test_seeds_are_averaged(tmp_path: Path) -> None:
    folders = [write_cell(tmp_path / f"s{seed}", seed=seed) for seed in range(3)]
    scores = [float(f1_score(*answers(folder), average="macro")) for folder in folders]
    (row,) = rows(tmp_path)
    assert row.score == pytest.approx(statistics.fmean(scores))
    assert row.spread == pytest.approx(statistics.stdev(scores))
    assert row.seeds == pytest.approx({str(seed): score for seed, score in enumerate(scores)})
    assert (row.clips, row.folds, row.seconds, row.parameters) == (60, 0, 2.0, 1000)
    assert row.resampled is not None
    low, high = row.resampled.interval
    assert low < row.score < high


def test_a_single_seed_has_no_spread(tmp_path: Path) -> None:
    write_cell(tmp_path / "run")
    assert rows(tmp_path)[0].spread is None


def test_folds_are_pooled_before_they_are_scored(tmp_path: Path) -> None:
    parts = [range(0, 30), range(30, 50), range(50, 60)]
    folders = [write_cell(tmp_path / f"f{k}", fold=k, ids=ids) for k, ids in enumerate(parts)]
    found = [answers(folder) for folder in folders]
    true, chosen = ([label for pair in found for label in pair[side]] for side in (0, 1))
    (row,) = rows(tmp_path)
    pooled = float(f1_score(true, chosen, average="macro"))
    assert row.score == pytest.approx(pooled)
    assert pooled != pytest.approx(statistics.fmean(float(f1_score(*pair, average="macro")) for pair in found))
    assert (row.folds, row.clips, len(row.runs)) == (3, 60, 3)


def test_a_seed_that_lacks_a_fold_is_left_out_and_said_so(tmp_path: Path) -> None:
    for seed, fold in ((0, 0), (0, 1), (1, 0)):
        write_cell(tmp_path / f"s{seed}f{fold}", seed=seed, fold=fold, ids=range(30 * fold, 30 * fold + 30))
    (row,) = rows(tmp_path)
    assert list(row.seeds) == ["0"]
    assert list(row.notes) == ["seed 1 is left out: 1 of 2 folds are done"]


def test_runs_on_held_out_clips_are_no_fold_and_keep_their_seeds(tmp_path: Path) -> None:
    for seed in range(2):
        write_cell(tmp_path / f"held{seed}", seed=seed, skill=0.9)
    for fold in range(2):
        write_cell(tmp_path / f"f{fold}", fold=fold, ids=range(30 * fold, 30 * fold + 30), skill=0.3)
    held, folds = rows(tmp_path)
    assert (held.settings["test"], list(held.seeds), held.folds) == ("hold-out", ["0", "1"], 0)
    assert (folds.settings["test"], list(folds.seeds), folds.folds) == ("folds", ["0"], 2)
    assert [*held.notes, *folds.notes] == []


def test_settings_that_differ_only_in_a_path_are_two_rows(tmp_path: Path) -> None:
    for name, skill in (("true", 0.9), ("shuffled", 0.3)):
        labels = {"data": {"name": "folk", "fold": None, "source": {"labels": f"tabs/{name}.v1.csv"}}}
        write_cell(tmp_path / name, skill=skill, config=labels)
    found = [(row.settings["data.source.labels"], list(row.notes)) for row in rows(tmp_path)]
    assert found == [("true.v1.csv", []), ("shuffled.v1.csv", [])]


def test_of_the_same_run_twice_the_newest_counts(tmp_path: Path) -> None:
    old, new = (write_cell(tmp_path / name, skill=skill) for name, skill in (("b", 0.2), ("a", 0.9)))
    os.utime(old / "metrics.json", (1, 1))
    (row,) = rows(tmp_path)
    assert [run.path for run in row.runs] == [new]
    assert list(row.notes) == ["1 older run of the same seed and fold left out"]


@pytest.mark.parametrize("content", [None, b"id,split,genre\nclip\xff,test,Blues\n", b"id,split\n" + b"x" * 200_000])
def test_without_predictions_the_recorded_score_stands_without_an_interval(
    tmp_path: Path, content: bytes | None
) -> None:
    folder = write_cell(tmp_path / "run", score=0.123)
    (folder / "predictions.csv").unlink()
    if content is not None:
        (folder / "predictions.csv").write_bytes(content)
    (row,) = rows(tmp_path)
    assert (row.score, row.resampled, row.clips) == (0.123, None, 60)
    assert row.notes[0].startswith("predictions of seed 0 cannot be pooled")
    assert "genre" in row.figures()


def test_a_run_without_alarms_and_times_still_has_its_row(tmp_path: Path) -> None:
    folder = write_cell(tmp_path / "run")
    metrics = json.loads((folder / "metrics.json").read_text())
    for name in ("alarms", "seconds", "parameters"):
        del metrics[name]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (row,) = rows(tmp_path)
    assert [row.seconds, row.parameters, dict(row.alarms)] == [None, None, {}]


def test_alarms_count_runs_and_references_are_averaged_over_seeds(tmp_path: Path) -> None:
    folders = [
        write_cell(tmp_path / f"s{seed}", seed=seed, alarms=[ALARM, ALARM], linear=0.3 + 0.4 * seed)
        for seed in range(2)
    ]
    scores = [float(f1_score(*answers(folder, "references/linear.csv"), average="macro")) for folder in folders]
    (row,) = rows(tmp_path)
    assert row.alarms == {"below linear": 2}
    assert row.references["linear"] == pytest.approx(statistics.fmean(scores))


def test_references_are_pooled_over_folds_like_the_scores(tmp_path: Path) -> None:
    parts = [range(0, 30), range(30, 50), range(50, 60)]
    folders = [write_cell(tmp_path / f"f{k}", fold=k, ids=ids, linear=0.6) for k, ids in enumerate(parts)]
    found = [answers(folder, "references/linear.csv") for folder in folders]
    true, chosen = ([label for pair in found for label in pair[side]] for side in (0, 1))
    assert rows(tmp_path)[0].references["linear"] == pytest.approx(f1_score(true, chosen, average="macro"))


def test_a_reference_whose_answers_are_lost_has_no_score_and_a_note(tmp_path: Path) -> None:
    folder = write_cell(tmp_path / "run")
    (folder / "references" / "linear.csv").unlink()
    (row,) = rows(tmp_path)
    assert list(row.references) == ["majority"]
    assert row.notes[0].startswith("answers of the reference linear cannot be pooled: ")


def test_validation_is_the_mean_over_runs(tmp_path: Path) -> None:
    for seed, value in enumerate((0.2, 0.4)):
        val = {"classification": {"f1_macro": {"value": value}}}
        write_cell(tmp_path / f"s{seed}", seed=seed, val=val)
    write_cell(tmp_path / "other", model="ast", val=None)
    found = {row.settings["model.name"]: row.validation for row in rows(tmp_path)}
    assert found == {"cnn": pytest.approx(0.3), "ast": None}


def test_the_kernel_reference_has_a_score_where_all_labels_are_scales(tmp_path: Path) -> None:
    scored = {"regression": {"spearman": {"value": 0.5}, "by_target": {}}}
    for name, targets in (("scale", VALENCE), ("both", GENRE | VALENCE)):
        folder = write_cell(tmp_path / name, targets=targets, task=name)
        metrics = json.loads((folder / "metrics.json").read_text())
        metrics["references"]["kernel"] = scored
        (folder / "metrics.json").write_text(json.dumps(metrics))
    shutil.copy(tmp_path / "scale/references/linear.csv", tmp_path / "scale/references/kernel.csv")
    (scale,), (both,) = rows(tmp_path / "scale"), rows(tmp_path / "both")
    assert scale.references["kernel"] == scale.references["linear"]
    assert (list(both.references), list(both.notes)) == (["linear", "majority"], [])


def test_seeds_on_different_clips_have_a_mean_and_no_interval(tmp_path: Path) -> None:
    for seed in range(2):
        write_cell(tmp_path / f"s{seed}", seed=seed, ids=range(seed, seed + 40))
    (row,) = rows(tmp_path)
    assert len(row.seeds) == 2
    assert row.resampled is None
    assert list(row.notes) == ["the seeds were tested on different clips: no interval"]


def test_the_best_stands_first(tmp_path: Path) -> None:
    for model, skill in (("cnn", 0.5), ("ast", 0.95), ("linear", 0.1)):
        write_cell(tmp_path / model, model=model, skill=skill)
    assert [row.settings["model.name"] for row in rows(tmp_path)] == ["ast", "cnn", "linear"]


def test_a_class_and_a_scale_are_both_scored(tmp_path: Path) -> None:
    folder = write_cell(tmp_path / "run", targets=GENRE | VALENCE, task="joint", skill=0.6)
    with (folder / "predictions.csv").open() as file:
        found = list(csv.DictReader(file))
    f1 = float(f1_score(*answers(folder), average="macro"))
    spearman = float(spearmanr([float(r["valence"]) for r in found], [float(r["predicted valence"]) for r in found])[0])
    (row,) = rows(tmp_path)
    assert row.figures() == pytest.approx({"genre": f1, "valence": spearman})
    assert row.score == pytest.approx((f1 + spearman) / 2)


def test_clips_without_a_label_are_not_scored(tmp_path: Path) -> None:
    folder = write_cell(tmp_path / "run", targets=GENRE | VALENCE, task="joint", skill=0.6)
    lines = (folder / "predictions.csv").read_text().splitlines()
    for place in range(1, 21):
        cells = lines[place].split(",")
        cells[3] = ""
        lines[place] = ",".join(cells)
    (folder / "predictions.csv").write_text("\n".join(lines) + "\n")
    true, chosen = answers(folder)
    assert rows(tmp_path)[0].figures()["genre"] == pytest.approx(f1_score(true[20:], chosen[20:], average="macro"))


def test_draws_are_those_of_scoring_each_draw_anew(tmp_path: Path) -> None:
    found = pool([find_run(write_cell(tmp_path / "run"))])
    true, chosen = (np.array(side) for side in answers(tmp_path / "run"))
    index = np.random.default_rng(0).integers(0, 60, size=(20, 59))
    expected = [f1_score(true[row], chosen[row], average="macro") for row in index]
    assert resample([found], resamples=20).drawn == pytest.approx(expected)
    assert set(true) <= set(CLASSES)


def test_groups_are_drawn_as_a_whole_and_the_same_for_every_row(tmp_path: Path) -> None:
    groups = [f"artist {number // 4}" for number in range(60)]
    for model in ("cnn", "ast"):
        write_cell(tmp_path / model, model=model, groups=groups)
    one, other = (row.resampled for row in rows(tmp_path))
    assert one is not None
    assert other is not None
    assert one.units.to_dict() == {"over": "groups", "count": 15}
    assert np.array_equal(one.drawn, other.drawn)
    true, chosen = (np.array(side) for side in answers(tmp_path / "cnn"))
    index = np.random.default_rng(0).integers(0, 15, size=(20, 14))
    clips = (4 * index[:, :, None] + np.arange(4)).reshape(20, -1)
    expected = [f1_score(true[row], chosen[row], average="macro") for row in clips]
    assert one.drawn[:20] == pytest.approx(expected)


def test_too_few_groups_have_no_interval(tmp_path: Path) -> None:
    write_cell(tmp_path / "run", groups=[f"artist {number % 3}" for number in range(60)])
    (row,) = rows(tmp_path)
    assert row.resampled is None
    assert list(row.notes) == ["only 3 groups were tested: no interval"]


def test_from_three_seeds_on_seeds_are_drawn(tmp_path: Path) -> None:
    pools = [
        pool([find_run(write_cell(tmp_path / f"s{seed}", seed=seed, skill=0.3 * seed + 0.2))]) for seed in range(3)
    ]
    alone = np.stack([resample([one]).drawn for one in pools], axis=1)
    assert resample(pools[:2]).drawn == pytest.approx(alone[:, :2].mean(axis=1))
    both = resample(pools).drawn
    assert all(
        np.isclose(row, [(a + b) / 2 for a in own for b in own]).any() for row, own in zip(both, alone, strict=True)
    )
    assert both.std() > 1.5 * alone.mean(axis=1).std()


def test_draws_do_not_depend_on_how_they_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = pool([find_run(write_cell(tmp_path / "run"))])
    whole = resample([found]).drawn
    monkeypatch.setattr("music_affect.evaluation.intervals._ENTRIES_A_CHUNK", 6100)
    assert np.array_equal(resample([found]).drawn, whole)
    assert len(whole) == 2000
