from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import precision_recall_fscore_support

from music_affect.contracts.errors import RunFolderError
from music_affect.evaluation.run_report import write_report

MakeRun = Callable[..., Path]


def section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def predictions(run: Path) -> list[dict[str, str]]:
    with (run / "predictions.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["split"] == "test"]


def test_the_head_says_what_counts(finished_run: MakeRun) -> None:
    run = finished_run()
    report = write_report(run)
    head = report.read_text().split("\n## ")[0]
    f1 = json.loads((run / "metrics.json").read_text())["test"]["classification"]["f1_macro"]
    assert report == run / "report.md"
    assert head.startswith("# genre / synthetic_beat-fused-ast-s7\n\n> **SYNTHETIC music.**")
    assert f"**Macro F1 {f1['value']:.3f} [{f1['low']:.3f}, {f1['high']:.3f}]** on SYNTHETIC music" in head
    assert "60 test clips, seed 7, best weights (epoch 1: highest val/f1_macro)" in head


def test_real_music_is_not_called_synthetic(finished_run: MakeRun) -> None:
    assert "SYNTHETIC" not in write_report(finished_run(synthetic=False)).read_text()


def test_sections_carry_the_facts_of_the_run(finished_run: MakeRun) -> None:
    text = write_report(finished_run()).read_text()
    assert "python -m music_affect.train model=ast" in section(text, "What was run")
    assert "| clips | 360 train, 90 val, 60 test |" in section(text, "What was run")
    references = section(text, "Beside the references")
    assert re.findall(r"^\| (.+?) \|", references, re.M)[2:] == [
        "**ast**", "linear, on clip statistics", "majority", "ast, val"]  # fmt: skip
    assert len(re.findall(r"\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]", references)) == 12
    assert "- **below linear**: macro F1 0.5 is below." in section(text, "Alarms")
    assert "| too short | 4 |\n| truncated | 1 |" in section(text, "Skipped clips")
    environment = section(text, "Environment")
    assert "| packages | torch 2.13.0 |" in environment
    assert "| hardware | cpu two cores, gpu not recorded |" in environment
    assert "fingerprint f00d" in environment


def test_the_class_table_equals_sklearn(finished_run: MakeRun) -> None:
    run = finished_run()
    rows = predictions(run)
    body = section(write_report(run).read_text(), "Classes")
    truth, predicted = [row["genre"] for row in rows], [row["predicted genre"] for row in rows]
    for average in ("macro", "weighted"):
        figures = precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)[:3]
        assert f"| **{average}** | {' | '.join(f'{figure:.3f}' for figure in figures)} | 60 |" in body
    accuracy = sum(t == p for t, p in zip(truth, predicted, strict=True)) / 60
    assert f"| **accuracy** |  |  | {accuracy:.3f} | 60 |" in body
    assert "| Jazz\\|Fusion | " in body


def test_figures_are_linked_and_there(finished_run: MakeRun) -> None:
    run = finished_run()
    links = re.findall(r"!\[.+?\]\((.+?)\)", section(write_report(run).read_text(), "Figures"))
    assert len(links) == 4
    assert all((run / link).read_bytes().startswith(b"\x89PNG") for link in links)


def test_a_joint_run_has_the_figures_of_both_kinds(joint_run: MakeRun) -> None:
    run = joint_run()
    links = re.findall(r"!\[.+?\]\((.+?)\)", section(write_report(run).read_text(), "Figures"))
    assert [Path(link).stem for link in links] == ["confusion", "per_class", "reliability", "scales", "learning_curves"]
    assert all((run / link).read_bytes().startswith(b"\x89PNG") for link in links)


def test_a_model_without_epochs_has_no_learning_curves(scales_run: MakeRun) -> None:
    run = scales_run()
    (run / "metrics.csv").write_text("epoch\n")
    assert "Learning curves" not in write_report(run).read_text()


def test_mistakes_are_the_surest_wrong_test_clips(finished_run: MakeRun) -> None:
    run = finished_run()
    wrong = [row for row in predictions(run) if row["genre"] != row["predicted genre"]]
    surest = sorted(wrong, key=lambda row: -float(row[f"p({row['predicted genre']})"]))[:5]
    found = re.findall(r"^\| (\S*clip\S*) \|", section(write_report(run).read_text(), "Most confident mistakes"), re.M)
    assert found == ["clip"] + [row["id"] for row in surest]


def test_what_is_empty_is_said(finished_run: MakeRun) -> None:
    text = write_report(finished_run(alarms=[], clips={"train": 1, "test": 60}, val=None)).read_text()
    assert section(text, "Alarms").strip() == section(text, "Skipped clips").strip() == "None."
    assert "ast, val" not in text


def test_a_report_is_replaced_and_the_same(finished_run: MakeRun) -> None:
    run = finished_run()
    first = write_report(run).read_text()
    assert write_report(run).read_text() == first
    assert not list(run.rglob(".*"))


@pytest.mark.parametrize("status", ["failed", "running"])
def test_an_unfinished_run_is_refused(finished_run: MakeRun, status: str) -> None:
    run = finished_run(status=status)
    with pytest.raises(RunFolderError, match=f"status '{status}'; expected a finished run.*resume it"):
        write_report(run)
    assert not (run / "report.md").exists()


@pytest.mark.parametrize("name", ["metrics.json", "metrics.csv", "predictions.csv", "manifest.json", "config.yaml"])
def test_a_missing_file_is_named(finished_run: MakeRun, name: str) -> None:
    run = finished_run()
    (run / name).unlink()
    with pytest.raises(RunFolderError, match=f"lacks {name}; expected a finished run"):
        write_report(run)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"holds no run; expected a folder with metrics\.json"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metrics.json", '{"status": "do', "cannot be read"),
        ("metrics.json", "[]", "holds a list; expected a json object"),
        ("metrics.json", '{"status": "done"}', r"cannot be used \(task is missing\)"),
        ("predictions.csv", "id,split,genre\n", "has no column group, predicted genre"),
        ("metrics.csv", "epoch,lr\n0\n", "cells do not match the header"),
        ("metrics.csv", "epoch,lr\n0,fast\n", "something other than numbers"),
    ],
)
def test_half_written_files_are_named(finished_run: MakeRun, name: str, content: str, message: str) -> None:
    run = finished_run()
    (run / name).write_text(content)
    with pytest.raises(RunFolderError, match=f"{name} .*{message}"):
        write_report(run)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Blues,Blues,", "Blues,Polka,", "predicts 'Polka'; expected one of Blues"),
        ("0.0,1.0,0.0", "0.0,?,0.0", "other"),
        ("0.0,1.0,0.0", "0.0,,0.0", "no prediction of genre for clip val-clip; expected a prediction for every clip"),
    ],
)
def test_impossible_predictions_are_named(finished_run: MakeRun, old: str, new: str, message: str) -> None:
    path = finished_run() / "predictions.csv"
    text: Any = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(RunFolderError, match=message):
        write_report(path.parent)
