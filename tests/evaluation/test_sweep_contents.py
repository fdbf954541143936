"""How runs are sorted into leaderboards and matrices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sweep_folders import ALARM, CLASSES, VALENCE, settings_of, write_cell, write_state

from music_affect.evaluation.sweep_report.contents import Contents, alarm_groups, gather
from music_affect.evaluation.sweep_report.matrix import matrix_of
from music_affect.evaluation.sweep_report.wording import differences_told, findings, spans, verdict, warning
from music_affect.runs.reader import find_runs


def contents(folder: Path) -> Contents:
    return gather("sweep", find_runs(folder))


def test_tasks_music_and_classes_never_share_a_leaderboard(tmp_path: Path) -> None:
    write_cell(tmp_path / "a")
    write_cell(tmp_path / "b", model="ast", data="folk_beat")
    write_cell(tmp_path / "c", task="valence", targets=VALENCE)
    write_cell(tmp_path / "d", data="jazz")
    folder = write_cell(tmp_path / "e")
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["targets"]["genre"]["classes"] = [*CLASSES, "Polka"]
    (folder / "metrics.json").write_text(json.dumps(metrics))
    found = [(section.title, len(section.rows)) for section in contents(tmp_path).sections]
    assert sorted(found) == [
        ("genre on folk", 1), ("genre on folk and folk_beat", 2), ("genre on jazz", 1),
        ("valence on folk", 1)]  # fmt: skip


def test_rows_are_named_by_what_varies_among_them(tmp_path: Path) -> None:
    for rate in (0.1, 0.01):
        config = {"optimizer": {"lr": rate}}
        write_cell(tmp_path / f"a{rate}", config=config, skill=rate)
        write_cell(tmp_path / f"b{rate}", config=config, skill=rate, task="valence", targets=VALENCE, model="ast")
    found = contents(tmp_path)
    assert [found.sections[0].name(row) for row in found.sections[0].rows] == [
        "cnn · optimizer.lr 0.1", "cnn · optimizer.lr 0.01"]  # fmt: skip
    assert list(found.axes) == ["task.name", "optimizer.lr"]


def test_the_header_counts_runs_clips_and_seeds(tmp_path: Path) -> None:
    for seed in (0, 10, 2):
        write_cell(tmp_path / f"s{seed}", seed=seed)
    write_state(tmp_path / "x", "failed", settings_of(model="ast"), reason="it broke")
    write_state(tmp_path / "y", "running", settings_of(model="ast"))
    found = contents(tmp_path)
    assert found.facts == {
        "runs": "3 done, 1 failed, 1 unfinished", "configurations": "1", "seeds": "0, 2, 10", "folds": "none",
        "test clips": "60 of folk",
    }  # fmt: skip
    assert found.varied == {"model": "ast, cnn"}
    assert [run.reason for run in found.undone] == ["it broke", "cut off, or still running"]


@pytest.mark.parametrize(
    ("marks", "told"), [([True, True], "SYNTHETIC music."), ([True, False], "Partly SYNTHETIC"), ([False, False], "")]
)
def test_synthetic_music_is_said_of_all_or_of_some(tmp_path: Path, marks: list[bool], told: str) -> None:
    for place, synthetic in enumerate(marks):
        write_cell(tmp_path / str(place), synthetic=synthetic, data=f"music{synthetic}", seed=place)
    said = warning(contents(tmp_path))
    assert said.startswith(told)
    assert bool(said) == bool(told)


def test_the_linear_reference_is_pooled_over_folds_and_so_is_its_alarm(tmp_path: Path) -> None:
    for fold in range(2):
        ids = range(30 * fold, 30 * fold + 30)
        write_cell(tmp_path / "a" / f"f{fold}", fold=fold, ids=ids, skill=0.4, linear=1.0)
        write_cell(tmp_path / "b" / f"f{fold}", fold=fold, ids=ids, skill=1.0, linear=0.4, alarms=[ALARM])
    below, above = contents(tmp_path / "a"), contents(tmp_path / "b")
    assert verdict(below.sections[0]).endswith(", not above its linear reference (1.000).")
    assert ", above its linear reference (0." in verdict(above.sections[0])
    (alarm,) = alarm_groups(below)
    assert (alarm.name, alarm.runs) == ("below linear", 2)
    assert alarm.message.endswith("is below the linear reference, 1.000.")
    assert alarm_groups(above) == []


def test_alarms_are_grouped_by_name(tmp_path: Path) -> None:
    for seed in range(2):
        write_cell(tmp_path / f"a{seed}", seed=seed, alarms=[ALARM], skill=0.9)
    write_cell(tmp_path / "b", model="ast", alarms=[{"name": "few clips", "message": "few"}, ALARM], skill=0.1)
    found = [(group.name, group.runs, list(group.rows)) for group in alarm_groups(contents(tmp_path))]
    assert found == [("below linear", 3, ["cnn", "ast"]), ("few clips", 1, ["ast"])]


def test_the_matrix_has_the_best_of_each_place_and_says_what_failed(tmp_path: Path) -> None:
    for model, features, rate, score in (("cnn", "mel", 1, 0.5), ("cnn", "mel", 2, 0.7), ("ast", "chroma", 1, 0.3)):
        folder = write_cell(
            tmp_path / f"{model}{rate}", model=model, features=features, config={"optimizer": {"lr": rate}}, score=score
        )
        (folder / "predictions.csv").unlink()
    write_state(tmp_path / "x", "failed", settings_of(model="ast", features="mel"))
    matrix = matrix_of(contents(tmp_path).sections)
    assert matrix is not None
    assert (matrix.models, matrix.columns) == (["cnn", "ast"], [("chroma", "folk"), ("mel", "folk")])
    assert matrix.scores == {
        ("cnn", ("mel", "folk")): 0.7, ("ast", ("chroma", "folk")): 0.3, ("ast", ("mel", "folk")): None}  # fmt: skip
    assert matrix.several == 2
    assert [matrix.shade(score) for score in (0.3, 0.5, 0.7)] == pytest.approx([0, 0.5, 1])
    assert matrix.heading(("mel", "folk")) == "mel"


def test_the_matrix_keeps_held_out_clips_and_folds_apart(tmp_path: Path) -> None:
    for name, fold, skill in (("held", None, 0.9), ("fold", 0, 0.3)):
        write_cell(tmp_path / name, fold=fold, skill=skill)
    matrix = matrix_of(contents(tmp_path).sections)
    assert matrix is not None
    assert [matrix.heading(column) for column in matrix.columns] == ["mel · folds", "mel · hold-out"]
    assert matrix.several == 1


def test_a_row_says_which_runs_it_lacks(tmp_path: Path) -> None:
    write_cell(tmp_path / "a", skill=0.9)
    write_cell(tmp_path / "b", model="ast", skill=0.1)
    write_state(tmp_path / "x", "failed", settings_of(model="ast"))
    section = contents(tmp_path).sections[0]
    assert [section.notes(row) for row in section.rows] == [[], ["1 more run has no score"]]


def test_a_single_place_is_no_matrix(tmp_path: Path) -> None:
    write_cell(tmp_path / "a")
    assert matrix_of(contents(tmp_path).sections) is None


def test_the_verdict_says_who_leads_and_whether_a_network_is_worth_it(tmp_path: Path) -> None:
    write_cell(tmp_path / "a", model="cnn", skill=1.0)
    write_cell(tmp_path / "b", model="linear", skill=0.1)
    said = verdict(contents(tmp_path).sections[0])
    assert said.startswith("cnn has the highest score, 1.000, above its linear reference (0.")
    write_cell(tmp_path / "c", model="linear", skill=1.0, seed=1)
    write_cell(tmp_path / "d", model="cnn", skill=0.0, seed=1)
    (tmp_path / "b" / "metrics.json").unlink()
    assert "no network scores above the linear model" in verdict(contents(tmp_path).sections[0])


def test_what_the_data_holds_of_the_order_is_said(tmp_path: Path) -> None:
    validated = {"classification": {"f1_macro": {"value": 0.9}}}
    for place, (model, skill) in enumerate((("a", 1.0), ("b", 0.97), ("c", 0.2))):
        write_cell(tmp_path / model, model=model, skill=skill, val=validated if place == 2 else None, ids=range(90))
    write_cell(
        tmp_path / "d", model="d", skill=0.0, ids=range(5, 65), val={"classification": {"f1_macro": {"value": 0}}}
    )
    (section,) = contents(tmp_path).sections
    best, left_out, optimism, chosen = findings(section)
    assert best == "The best of the 3 rows that were tested on the same clips is among rows 1–2 (95 %)."
    assert left_out == "Row 4 is left out of all comparisons, for other test clips or none that can be read."
    assert optimism.startswith("The highest of 3 scores is expected to be 0.0")
    assert chosen.startswith(
        "Validation would choose row 3 of the 2 that have a validation part, c: 0.900 there and 0."
    )
    assert "significant (*) from 0." in differences_told(section)
    assert section.compared is not None
    assert section.compared.difference(2, 1) is None
    assert [pair[1] for lower in (2, 3) if (pair := section.compared.difference(1, lower))] == [False, True]


def test_rows_on_different_clips_are_not_compared(tmp_path: Path) -> None:
    write_cell(tmp_path / "a", model="a", skill=0.9)
    write_cell(tmp_path / "b", model="b", skill=0.1, data="folk", ids=range(1, 61))
    (section,) = contents(tmp_path).sections
    assert section.compared is None
    assert findings(section) == ["No two rows were tested on the same clips: none can be called the best."]


def test_beats_and_frames_of_the_same_clips_are_compared(tmp_path: Path) -> None:
    for model, data, skill in (("a", "folk", 0.95), ("b", "folk_beat", 0.1)):
        write_cell(tmp_path / model, model=model, data=data, skill=skill)
    found = findings(contents(tmp_path).sections[0])
    assert found[0] == "Of all 2, only row 1 may be the best (95 %)."


def test_the_differences_of_twenty_rows_are_shown(tmp_path: Path) -> None:
    for place in range(22):
        write_cell(tmp_path / f"m{place:02}", model=f"m{place:02}", skill=place / 22)
    (section,) = contents(tmp_path).sections
    assert section.compared is not None
    assert list(section.compared.shown) == list(range(1, 21))
    assert differences_told(section).endswith("The best 20 of 22 rows are shown.")


def test_ranks_are_told_as_spans() -> None:
    assert [spans(ranks) for ranks in ([1], [1, 2, 3], [1, 3, 4, 7])] == ["1", "1–3", "1, 3–4, 7"]
