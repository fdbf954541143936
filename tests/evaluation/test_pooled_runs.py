"""What the scores of pooled runs claim: intervals over groups and, from three seeds on, over seeds."""

from __future__ import annotations

from pathlib import Path

import pytest
from sweep_folders import write_cell

from music_affect.contracts.errors import RunFolderError
from music_affect.ensemble import ensemble, print_table
from music_affect.evaluation.pooling import Pool, pool
from music_affect.runs.reader import find_runs
from music_affect.system.console import intervals_over
from music_affect.system.files import read_csv

GROUPS = [f"artist {number // 3}" for number in range(60)]


def seeds(folder: Path, count: int) -> Pool:
    for seed in range(count):
        for fold, ids in enumerate((range(36), range(36, 60))):
            groups = [GROUPS[number] for number in ids]
            write_cell(folder / f"s{seed}-f{fold}", seed=seed, fold=fold, ids=ids, groups=groups, skill=0.3)
    return pool(find_runs(folder))


def width(scores: dict[str, dict[str, dict[str, float]]]) -> float:
    found = scores["classification"]["f1_macro"]
    return found["high"] - found["low"]


def test_three_averaged_seeds_are_drawn_and_two_are_not(tmp_path: Path) -> None:
    three, two = seeds(tmp_path / "three", 3), seeds(tmp_path / "two", 2)
    assert (three.seeds, three.seeds_drawn, two.seeds_drawn) == (["0", "1", "2"], True, False)
    told = [found.scores()["classification"]["intervals"] for found in (three, two)]
    assert told == [{"over": "groups", "count": 20, "seeds": seeds} for seeds in (3, 0)]
    fixed = pool([run for run in three.runs if run.seed == 0])
    assert width(three.scores()) > width(fixed.scores())


def test_seeds_that_did_not_test_all_clips_are_not_drawn(tmp_path: Path) -> None:
    for seed in range(3):
        write_cell(tmp_path / f"s{seed}", seed=seed, ids=range(20 * seed, 20 * seed + 20))
    assert pool(find_runs(tmp_path)).seeds == []


def test_a_table_says_what_its_intervals_are_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds(tmp_path / "runs", 3)
    content = ensemble([tmp_path / "runs"], tmp_path / "out")
    print_table(content)
    told = capsys.readouterr().out
    assert (
        "95 % intervals over 20 groups, without the luck of training; 95 % intervals over 20 groups and 3 seeds" in told
    )
    assert {row["group"] for row in read_csv(tmp_path / "out" / "predictions.csv")} == set(GROUPS)
    few = {
        "intervals": {"over": "groups", "count": 3, "seeds": 0},
        "spearman": {"value": 0.5, "low": None, "high": None},
    }
    assert intervals_over({"regression": few}) == "no intervals: 3 groups are too few"


def test_runs_with_other_groups_are_refused(tmp_path: Path) -> None:
    write_cell(tmp_path / "one", groups=GROUPS)
    write_cell(tmp_path / "other", groups=["x", *GROUPS[1:]], seed=1)
    with pytest.raises(RunFolderError, match="different groups 'group' for clip clip0000: artist 0, x"):
        pool(find_runs(tmp_path))
