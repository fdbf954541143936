"""The dashboard's description: whole, and true of what runs record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import wandb_records
from omegaconf import OmegaConf
from running import entry_point

from music_affect import track
from music_affect.contracts.errors import ConfigurationError
from music_affect.training.loggers import workspace
from music_affect.training.loggers.dashboard import specification

SECTIONS = [
    "Leaderboard",
    "Score by axis",
    "Learning curves",
    "Confusion and scatter",
    "Clips",
    "Cost against score",
    "Alarms",
]


@pytest.fixture
def described(finished: Path) -> dict[str, Any]:
    """For the task of the finished run, and for its parts."""
    monitor = OmegaConf.load(finished / "config.yaml").task.monitor
    return specification("me", "music_affect", [monitor, "val/f1_macro", "val/spearman"])


def panels(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for section in described["sections"] for panel in section["panels"]]


def test_a_dry_run_prints_it_as_json(tmp_path: Path) -> None:
    done = entry_point("track", "dashboard", "--entity", "me", "--project", "affect", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert (printed["entity"], printed["project"]) == ("me", "affect")
    assert [section["title"] for section in printed["sections"]] == SECTIONS
    assert printed["runs"]["group_by"] == ["model.name", "data.name", "features.name"]


def test_the_deciding_figures_of_all_tasks_are_on_it(capsys: pytest.CaptureFixture[str]) -> None:
    track._dashboard("me", None, dry_run=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["project"] == "music_affect"  # that of logger=wandb
    curves = {panel["y"] for panel in panels(printed) if panel["kind"] == "lines"}
    assert {"train/loss", "val/loss", "val/f1_macro", "val/spearman", "val/score"} <= curves


def test_everything_it_shows_is_recorded_by_runs(described: dict[str, Any], finished: Path) -> None:
    (recorded,) = wandb_records.of_run(finished)
    logged = {*recorded.summary, *(key.rsplit("/", 1)[0] for key in recorded.summary)}
    runs, shown = described["runs"], panels(described)
    wanted = {runs["order_by"], *runs["columns"]}
    wanted |= {metric for panel in shown if panel["kind"] == "bars" for metric in panel["metrics"]}
    wanted |= {panel[axis] for panel in shown if panel["kind"] in ("lines", "scatter") for axis in "xy"}
    wanted |= {panel["key"] for panel in shown if panel["kind"] == "media"}
    assert sorted(wanted - logged) == []
    config = OmegaConf.create({name: value for name, value in recorded.config.items() if name != "_wandb"})
    grouped = {*runs["group_by"], *(panel["by"] for panel in shown if panel["kind"] == "bars")}
    assert [name for name in grouped if OmegaConf.select(config, name) is None] == []


def test_without_the_package_one_sentence_says_what_to_install(
    described: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "wandb_workspaces.workspaces", None)
    with pytest.raises(ConfigurationError, match=r"wandb-workspaces is not installed; .*music_affect\[dashboards\]"):
        workspace.save(described)


def test_it_becomes_a_workspace(described: dict[str, Any]) -> None:
    pytest.importorskip("wandb_workspaces", reason="needs the extra `dashboards`")
    made = workspace.build(described)._to_model().spec.section
    built = made.panel_bank_config.sections
    assert [section.name for section in built] == SECTIONS
    assert [len(section.panels) for section in built] == [len(section["panels"]) for section in described["sections"]]
    runs = made.run_sets[0]
    assert [key.name for key in runs.grouping] == ["model.value.name", "data.value.name", "features.value.name"]
    assert runs.sort.keys[0].key.name == "score"
    assert not runs.sort.keys[0].ascending


def test_without_a_key_it_is_not_made(described: dict[str, Any]) -> None:
    pytest.importorskip("wandb_workspaces", reason="needs the extra `dashboards`")
    with pytest.raises(ConfigurationError, match="no W&B key is set"):
        workspace.save(described)
