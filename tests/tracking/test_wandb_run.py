"""What a finished run logs in Weights & Biases, read back from its recording."""

from __future__ import annotations

from pathlib import Path

import pytest
import wandb_records
from omegaconf import OmegaConf
from wandb_records import Recorded

from music_affect.runs.reader import read_run
from music_affect.system.files import read_csv, read_json


@pytest.fixture(scope="module")
def recording(finished: Path) -> Path:
    (file,) = wandb_records.files_of(finished)
    assert file.parent.name.startswith("offline-run-")
    return file.parent


@pytest.fixture(scope="module")
def recorded(finished: Path) -> Recorded:
    (one,) = wandb_records.of_run(finished)
    return one


def test_it_stands_on_the_axes(recorded: Recorded) -> None:
    assert (recorded.project, recorded.name, recorded.job_type) == ("music_affect", "run", "joint")
    assert recorded.tags == {"cnn_fast", "synthetic", "fused", "joint"}
    assert recorded.group == ""
    assert recorded.exit_code == 0


def test_its_configuration_is_the_resolved_one(recorded: Recorded, finished: Path) -> None:
    config = {name: value for name, value in recorded.config.items() if name != "_wandb"}
    assert config == OmegaConf.to_container(OmegaConf.load(finished / "config.yaml"))


def test_every_epoch_has_the_figures_of_the_history(recorded: Recorded, finished: Path) -> None:
    for row, logged in zip(read_run(finished).history, wandb_records.epochs(recorded), strict=True):
        assert {name: logged[name] for name in row} == pytest.approx(row, rel=1e-6)


def test_the_summary_keeps_the_best_epoch(recorded: Recorded, finished: Path) -> None:
    rows = read_run(finished).history
    task = OmegaConf.load(finished / "config.yaml").task
    assert recorded.metrics[task.monitor] == task.mode == "max"
    best = max(row[task.monitor] for row in rows)
    assert recorded.summary[task.monitor]["max"] == pytest.approx(best)
    assert recorded.summary["val/loss"]["min"] == pytest.approx(min(row["val/loss"] for row in rows))


def test_the_summary_holds_the_tested_figures_beside_the_references(recorded: Recorded, finished: Path) -> None:
    metrics, logged = read_json(finished / "metrics.json"), recorded.summary
    beside = {name: scores for name, scores in metrics["references"].items() if name != "kernel"}  # of scales alone
    for place, scores in {"test": metrics["test"], **beside}.items():
        f1 = scores["classification"]["f1_macro"]
        ends = {f"{place}/f1_macro{end}": own for end, own in zip(("", "_low", "_high"), f1.values(), strict=True)}
        assert {name: logged.get(name) for name in ends} == ends  # too few groups have no interval, and log none
        for name, own in scores["regression"]["by_target"].items():
            assert logged[f"{place}/{name}/spearman"] == own["spearman"]["value"]
            assert logged[f"{place}/{name}/mae"] == own["mae"]
    assert logged["val_tested/f1_macro"] == metrics["val"]["classification"]["f1_macro"]["value"]
    assert logged["score"] == metrics["score"]
    assert logged["parameters"] == metrics["parameters"]
    assert logged["alarms"] == len(metrics["alarms"]) > 0
    assert metrics["alarms"][0]["name"] in logged["alarm_names"]


def last_value(recorded: Recorded, key: str) -> dict[str, str]:
    """A logged object, as the last row names it."""
    prefix = f"{key}/"
    return {name.removeprefix(prefix): value for name, value in recorded.history[-1].items() if name.startswith(prefix)}


def test_every_answer_is_in_a_table(recorded: Recorded, recording: Path, finished: Path) -> None:
    table = wandb_records.table(recording, last_value(recorded, "predictions"))
    rows = read_csv(finished / "predictions.csv")
    assert table["columns"] == list(rows[0])
    assert len(table["data"]) == len(rows)
    for logged, row in zip(table["data"], rows, strict=True):
        for cell, text in zip(logged, row.values(), strict=True):
            assert cell == (text if isinstance(cell, str) else pytest.approx(float(text)) if text else None)


def test_the_alarms_say_what_to_do(recorded: Recorded, recording: Path, finished: Path) -> None:
    table = wandb_records.table(recording, last_value(recorded, "alarm_table"))
    assert table["data"] == [
        [alarm["name"], alarm["message"]] for alarm in read_json(finished / "metrics.json")["alarms"]
    ]


def test_charts_are_drawn_from_the_test_clips(recorded: Recorded, recording: Path, finished: Path) -> None:
    run = read_run(finished)
    counts = wandb_records.table(recording, last_value(recorded, "confusion/genre_table"))["data"]
    classes = list(run.classes["genre"].classes)
    confusion = run.metrics["test"]["classification"]["confusion"]
    assert {(true, predicted): count for true, predicted, count in counts} == {
        (true, predicted): confusion[row][column]
        for row, true in enumerate(classes)
        for column, predicted in enumerate(classes)
    }
    for name in run.scales:
        points = wandb_records.table(recording, last_value(recorded, f"scatter/{name}_table"))["data"]
        assert points == [[float(row[name]), float(row[f"predicted {name}"])] for row in run.labelled(name)]


def test_pictures_are_the_run_s_own_and_no_audio_leaves(recorded: Recorded, recording: Path, finished: Path) -> None:
    for name in ("confusion", "per_class", "scales", "learning_curves"):
        logged = recording / "files" / last_value(recorded, f"figures/{name}")["path"]
        assert logged.read_bytes() == (finished / "figures" / f"{name}.png").read_bytes()
    clips = last_value(recorded, "spectrograms")
    assert len(clips["filenames"]) == len(clips["captions"]) == 3
    tested = {row["id"] for row in read_csv(finished / "predictions.csv") if row["split"] == "test"}
    assert {caption.split(":")[0] for caption in clips["captions"]} <= tested
    assert all((recording / "files" / name).stat().st_size > 5000 for name in clips["filenames"])
    endings = {path.suffix for path in recording.rglob("*") if path.is_file()}
    assert endings <= {".json", ".png", ".txt", ".log", ".wandb", ".yaml"}
