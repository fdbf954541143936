"""Which differences between neighbours hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from sweep_folders import write_cell

from music_affect.evaluation.sweep_report.comparison import Comparison, holm, neighbours
from music_affect.evaluation.sweep_report.leaderboard import Row, rows_of
from music_affect.evaluation.sweep_report.spelling import Spelling
from music_affect.runs.reader import find_runs


def by_model(folder: Path) -> list[Row]:
    runs = find_runs(folder)
    return rows_of(runs, ["model.name"], Spelling(runs))


def compared(folder: Path) -> list[Comparison]:
    return neighbours(by_model(folder))


def test_a_large_difference_on_the_same_clips_is_better(tmp_path: Path) -> None:
    for seed in range(2):
        write_cell(tmp_path / f"good{seed}", model="good", skill=0.95, seed=seed)
        write_cell(tmp_path / f"bad{seed}", model="bad", skill=0.2, seed=seed)
    (found,) = compared(tmp_path)
    assert found.verdict == "better"
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < found.difference < found.high
    assert found.p == pytest.approx(2 / 2001)


def test_the_same_answers_are_not_significantly_different(tmp_path: Path) -> None:
    for model in ("one", "other"):
        write_cell(tmp_path / model, model=model)
    (found,) = compared(tmp_path)
    assert (found.verdict, found.difference, found.low, found.high, found.p) == (
        "not significantly different",
        0.0,
        0.0,
        0.0,
        1.0,
    )


def test_pairing_finds_what_separate_intervals_would_not(tmp_path: Path) -> None:
    write_cell(tmp_path / "one", model="one", skill=0.6, ids=range(300))
    folder = write_cell(tmp_path / "other", model="other", skill=0.6, ids=range(300))
    lines = (folder / "predictions.csv").read_text().splitlines()
    wrong = [place for place in range(1, 301) if lines[place].split(",")[3] != lines[place].split(",")[4]]
    for place in wrong[:20]:  # the same answers but for twenty mistakes put right
        cells = lines[place].split(",")
        cells[4] = cells[3]
        cells[5:8] = ["0.8" if k == int(cells[0][-4:]) % 3 else "0.1" for k in range(3)]
        lines[place] = ",".join(cells)
    (folder / "predictions.csv").write_text("\n".join(lines) + "\n")
    rows = by_model(tmp_path)
    first, second = (row.resampled for row in rows)
    assert first is not None
    assert second is not None
    assert first.interval[0] < second.interval[1]
    assert [rows[0].settings["model.name"], neighbours(rows)[0].verdict] == ["other", "better"]


@pytest.mark.parametrize("other", [{"ids": range(1, 61)}, {"data": "jazz"}])
def test_other_test_clips_are_not_comparable(tmp_path: Path, other: dict[str, object]) -> None:
    write_cell(tmp_path / "one", model="one", skill=0.9)
    write_cell(tmp_path / "other", model="other", skill=0.2, **other)  # type: ignore[arg-type]
    (found,) = compared(tmp_path)
    assert (found.verdict, found.p, found.low) == ("not comparable", None, None)


def test_beats_and_frames_of_the_same_clips_are_comparable(tmp_path: Path) -> None:
    write_cell(tmp_path / "one", model="one", data="folk", skill=0.9)
    write_cell(tmp_path / "other", model="other", data="folk_beat", skill=0.2)
    assert compared(tmp_path)[0].verdict == "better"


def test_holm_corrects_each_chance_by_those_that_are_left() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_neighbours_are_corrected_together_and_a_pair_that_was_not_tested_does_not_count(tmp_path: Path) -> None:
    for place, skill in enumerate((1.0, 0.6, 0.3)):
        write_cell(tmp_path / f"m{place}", model=f"m{place}", skill=skill)
    write_cell(tmp_path / "m3", model="m3", skill=0.0, ids=range(5, 65))
    found = compared(tmp_path)
    assert [comparison.rank for comparison in found] == [1, 2, 3]
    assert found[2].verdict == "not comparable"
    assert found[0].p == pytest.approx(2 * 2 / 2001)
