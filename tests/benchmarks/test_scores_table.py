"""The benchmark of scores pools folds, tells seeds apart, and knows what a finished cell was made with."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from running import TINY, train_quickly
from scipy.stats import spearmanr
from sklearn.metrics import f1_score

from benchmarks import scores
from music_affect.system.files import read_csv

SCALES = ("valence", "energy", "danceability")
FOLDS = (0, 1)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[list[Path]]:
    """Runs of two seeds on two folds; the linear model is the same with every seed, its folds are not."""
    root = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        for fold in FOLDS:
            train_quickly(root / f"s{seed}-f{fold}", "model=linear", "task=joint", f"data.fold={fold}", f"seed={seed}")
    return [[root / f"s{seed}-f{fold}" for fold in FOLDS] for seed in (0, 1)]


def test_figures_are_those_of_all_folds_together(folders: list[list[Path]]) -> None:
    found = scores.figures(folders)
    rows = [row for folder in folders[0] for row in read_csv(folder / "predictions.csv") if row["split"] == "test"]
    assert found["clips"] == str(len(rows)) == str(len({row["id"] for row in rows}))
    f1 = f1_score([row["genre"] for row in rows], [row["predicted genre"] for row in rows], average="macro")
    assert found["macro F1"] == f"{f1:.3f} ± 0.000"
    assert found["macro F1, each seed"] == f"{f1:.3f} {f1:.3f}"
    columns = [[[float(row[f"{how}{name}"]) for row in rows] for how in ("", "predicted ")] for name in SCALES]
    mean = np.mean([spearmanr(*pair).statistic for pair in columns])
    assert float(found["mean Spearman"].split()[0]) == pytest.approx(mean, abs=2e-3)  # written with six digits
    low, high = map(float, found["mean Spearman, 95 % of the first"].split(" to "))
    assert low < mean < high


def test_a_table_has_the_figures_that_the_task_has(folders: list[list[Path]]) -> None:
    table = scores.score_table("joint", {("linear", "fused"): folders, ("linear", "mel"): folders[:1]})
    headings = [str(column.header) for column in table.columns]
    assert headings[:4] == ["model", "features", "clips", "macro F1"]
    assert headings[6:8] == ["mean Spearman", "mean Spearman, each seed"]
    first, second = zip(*(column.cells for column in table.columns), strict=True)
    assert first[:2] == ("linear", "fused")
    assert "±" in str(first[3])
    assert "±" not in str(second[3])


@pytest.mark.slow
def test_the_command_trains_cells_once_and_refuses_those_of_other_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--models", "majority", "--seeds", "3", "--outputs", str(tmp_path), "--", *TINY]
    monkeypatch.setattr(sys, "argv", ["scores", *words, "data=synthetic", "task=energy"])
    scores.main()
    printed = capsys.readouterr().out
    assert "mean Spearman" in printed
    assert "macro F1" not in printed
    metrics = {path: path.stat().st_mtime_ns for path in tmp_path.glob("fused-*-s3/metrics.json")}
    assert len(metrics) == 1
    scores.main()
    assert {path: path.stat().st_mtime_ns for path in metrics} == metrics
    monkeypatch.setattr(sys, "argv", ["scores", *words, "data=synthetic", "task=valence"])
    with pytest.raises(SystemExit, match="was started with"):
        scores.main()
