"""Reports of runs with scales, alone or beside a class label."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from music_affect.contracts.errors import RunFolderError
from music_affect.contracts.spec import Continuous
from music_affect.evaluation.run_report import write_report
from music_affect.evaluation.tables import label_range, scale_comparison, with_interval
from music_affect.runs.reader import read_run

MakeRun = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("without_figures")
SCALES = ("valence", "energy", "tension")


def section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def titles(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.M)


def metrics(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "metrics.json").read_text())
    return found


def change_test(run: Path, change: Callable[[dict[str, Any]], None]) -> None:
    found = metrics(run)
    change(found["test"]["regression"])
    (run / "metrics.json").write_text(json.dumps(found))


def test_the_head_of_scales_holds_their_mean_correlation(scales_run: MakeRun) -> None:
    run = scales_run()
    head = write_report(run).read_text().split("\n## ")[0]
    figure = with_interval(metrics(run)["test"]["regression"]["spearman"])
    assert f"**Mean Spearman {figure}** on SYNTHETIC music: 60 test clips, seed 7, best weights (epoch 1" in head
    assert "F1" not in head


def test_a_single_scale_is_named(scales_run: MakeRun) -> None:
    run = scales_run(targets={"valence": {"kind": "continuous", "low": 0.0, "high": 1.0}})
    text = write_report(run).read_text()
    assert "**Spearman of valence 0." in text.split("\n## ")[0]
    assert "| Spearman | valence | clips |" in section(text, "Beside the references")


@pytest.mark.parametrize(("clips", "said"), [(60, ": 60 test clips, seed"), (55, ": 60 test clips. **Mean Spearman")])
def test_the_head_of_a_joint_run_holds_both(joint_run: MakeRun, clips: int, said: str) -> None:
    run = joint_run()
    change_test(run, lambda scores: scores.update(clips=clips))
    head = write_report(run).read_text().split("\n## ")[0]
    assert head.index("**Macro F1 0.") < head.index("**Mean Spearman 0.")
    assert said in head
    assert f": {clips} test clips, seed 7" in head


def test_sections_follow_the_labels(finished_run: MakeRun, scales_run: MakeRun, joint_run: MakeRun) -> None:
    of_class, of_scales = ["Classes", "Most confident mistakes"], ["Scales", "Largest misses"]
    for name, make, there in (("a", finished_run, of_class), ("b", scales_run, of_scales), ("c", joint_run, None)):
        found = titles(write_report(make(folder=name)).read_text())
        there = of_class + of_scales if there is None else there
        assert {*found} & {*of_class, *of_scales, "Start", "Loss weights"} == {*there}
        assert found[:3] == ["What was run", "Beside the references", "Alarms"]
        assert found[-1] == "Environment"


def test_references_are_told_apart_by_kind(joint_run: MakeRun) -> None:
    body = section(write_report(joint_run()).read_text(), "Beside the references")
    genre, scales = body.split("### Scales")
    assert genre.strip().startswith("### genre\n")
    assert "| majority |" in genre
    assert "| training mean | 0.000 [-0.100, 0.100] |" in scales
    assert [line.split(" | ")[0] for line in scales.strip().splitlines()[2:]] == [
        "| **ast**", "| linear, on clip statistics", "| training mean", "| ast, val"]  # fmt: skip
    assert "| Spearman | mean | valence | energy | tension | clips |" in scales


def test_many_scales_stand_below_each_other() -> None:
    names = [f"scale{i}" for i in range(9)]
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    scores = {"clips": 20, "spearman": figure, "by_target": {name: {"spearman": figure} for name in names}}
    lines = scale_comparison({"model": scores, "linear": scores}, names).splitlines()
    assert lines[0] == "| Spearman | model | linear |"
    assert lines[3] == "| scale0 | 0.500 [0.400, 0.600] | 0.500 [0.400, 0.600] |"
    assert lines[-1] == "| clips | 20 | 20 |"


def test_every_figure_of_every_scale_is_listed(scales_run: MakeRun) -> None:
    run = scales_run()
    by_target = metrics(run)["test"]["regression"]["by_target"]
    body = section(write_report(run).read_text(), "Scales")
    ranges = {"valence": "0 to 1", "energy": "0 or more", "tension": "without bounds"}
    for name, figures in by_target.items():
        cells = [f"{figures[key]:.3f}" for key in ("pearson", "r2", "ccc", "mae", "rmse")]
        row = [name, with_interval(figures["spearman"]), *cells, str(figures["clips"]), ranges[name]]
        assert f"| {' | '.join(row)} |" in body
    assert [by_target[name]["clips"] for name in SCALES] == [60, 59, 58]


def test_what_is_not_known_is_a_dash(joint_run: MakeRun) -> None:
    run = joint_run()

    def forget(scores: dict[str, Any]) -> None:
        scores["by_target"]["valence"]["spearman"] = {"value": 0.25}
        scores["by_target"]["energy"] = {"clips": 0, "spearman": None}
        del scores["by_target"]["tension"]
        scores["spearman"] = {"value": None, "low": None, "high": None}

    change_test(run, forget)
    text = write_report(run).read_text()
    assert re.search(r"^\| \*\*ast\*\* \| – \| 0\.250 \| – \| – \| 60 \|$", text, re.M)
    assert "| energy | – | – | – | – | – | – | 0 | 0 or more |" in section(text, "Scales")
    assert "| tension | – | – | – | – | – | – | – | without bounds |" in section(text, "Scales")


def test_ranges_are_told_in_words() -> None:
    kinds = [Continuous(1, 9), Continuous(-0.5, None), Continuous(None, 5), Continuous()]
    assert [label_range(kind) for kind in kinds] == ["1 to 9", "-0.5 or more", "5 or less", "without bounds"]


def test_largest_misses_are_measured_by_the_spread_of_the_labels(scales_run: MakeRun) -> None:
    run = scales_run()
    with (run / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:  # the same scale with other units must not crowd out the others
        row["energy"], row["predicted energy"] = (
            str(1000 * float(row[name])) if row[name] else "" for name in ("energy", "predicted energy")
        )
    with (run / "predictions.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    off = {}
    for name in SCALES:
        labelled = [row for row in rows if row["split"] == "test" and row[name]]
        spread = np.std([float(row[name]) for row in labelled])
        off |= {(r["id"], name): abs(float(r[name]) - float(r[f"predicted {name}"])) / spread for r in labelled}
    expected = sorted(off, key=lambda miss: -off[miss])[:5]
    body = section(write_report(run).read_text(), "Largest misses")
    assert re.findall(r"^\| (clip\d+) \| (\w+) \|", body, re.M) == expected
    assert f"| {off[expected[0]]:.1f} |" in body.splitlines()[3]


def test_learned_weights_are_listed(scales_run: MakeRun) -> None:
    text = write_report(scales_run(weighting={"valence": 1.25, "energy": 0.5})).read_text()
    assert "| valence | 1.250 |\n| energy | 0.500 |" in section(text, "Loss weights")


def test_clips_without_a_label_are_counted(scales_run: MakeRun) -> None:
    text = write_report(scales_run(clips={"test": 60, "skipped": {"truncated": 1}, "unlabelled": 375})).read_text()
    assert "| truncated | 1 |\n| without a label | 375 |" in section(text, "Skipped clips")


def test_labels_are_read_back(joint_run: MakeRun) -> None:
    run = read_run(joint_run())
    assert list(run.classes) == ["genre"]
    assert run.scales["energy"] == Continuous(0.0, None)
    assert len(run.labelled("tension")) == 58
    assert {row["split"] for row in run.labelled("tension")} == {"test"}


@pytest.mark.parametrize(
    ("part", "message"),
    [("regression", "test.regression is missing"), ("classification", "test.classification is missing")],
)
def test_scores_that_a_label_calls_for_are_asked_for(joint_run: MakeRun, part: str, message: str) -> None:
    run = joint_run()
    found = metrics(run)
    del found["test"][part], found["references"]["linear"][part]
    (run / "metrics.json").write_text(json.dumps(found))
    with pytest.raises(RunFolderError, match=rf"metrics.json cannot be used \({message}\).*resume the run"):
        write_report(run)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("predicted energy", "energy too", "has no column predicted energy"),
        ("9.0,0.0", "loud,0.0", "something other than numbers"),
        ("9.0,0.0", "9.0,", "no prediction of valence for clip val-clip"),
    ],
)
def test_broken_values_are_named(scales_run: MakeRun, old: str, new: str, message: str) -> None:
    path = scales_run() / "predictions.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(RunFolderError, match=message):
        write_report(path.parent)
