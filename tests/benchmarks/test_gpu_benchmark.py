"""The benchmark of GPUs in its tiny form, on the CPU: every part fills its rows, and what fails is not hidden."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu, gpu_networks
from benchmarks.gpu_settings import Figures, Settings
from music_affect.configuration import compatibility
from music_affect.system import files

SHORT = ["collective", "models", "experiments", "ast"]  # the others start processes and compile: tried by hand


def measured(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the figures of a call."""
    monkeypatch.setattr(sys, "argv", ["gpu", "--tiny", "--out", str(folder / "gpu.json"), *words])
    return gpu.main(), files.read_json(folder / "gpu.json")


@pytest.mark.slow
def test_every_short_part_measures_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"model": ["linear", "lstm", "ast_base"]}
    choices = compatibility.choices
    monkeypatch.setattr(gpu_networks.compatibility, "choices", lambda group: few.get(group) or choices(group))
    code, found = measured(tmp_path, monkeypatch, "--minutes", "60", "--parts", *SHORT)
    assert [found["parts"][name].get("error") for name in SHORT] == [None] * len(SHORT)
    assert code == 0
    rows = {name: found["parts"][name]["figures"] for name in SHORT}
    assert [row["what"].split(":")[0] for row in rows["models"]] == ["lstm", "ast_base"]  # a reference has no network
    assert len(rows["experiments"]) == sum(
        "s3/" in str(path) for path in compatibility.conf_folder().rglob("s3/*.yaml")
    )
    assert [row["verdict"] for name in SHORT[:3] for row in rows[name]] == ["ok"] * sum(len(rows[n]) for n in SHORT[:3])
    speeds = [row for row in rows["ast"] if "clips" in row]
    assert len(speeds) == 6
    assert all(row["clips"] > 0 and row["forward_flop"] > 0 and row["peak"] is None for row in speeds)


def test_failures_and_wrong_figures_are_written_told_and_end_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(settings: Settings, figures: Figures) -> None:
        figures.add("what was measured before", "7")
        raise ValueError("no such kernel")

    def is_wrong(settings: Settings, figures: Figures) -> None:
        figures.add("the loss", "9", expected="1", holds=False)

    def is_late(settings: Settings, figures: Figures) -> None:
        settings.check_time("the rest")

    parts = {
        "ast": (1.0, fails),
        "models": (1.0, is_wrong),
        "lock": (-9.0, is_late),
        "collective": (9.0, lambda *_: None),
    }
    monkeypatch.setattr(gpu, "PARTS", parts)
    code, found = measured(tmp_path, monkeypatch, "--parts", *parts)
    assert code == 1
    assert found["parts"]["ast"]["error"] == "ValueError: no such kernel"
    assert found["parts"]["ast"]["figures"][0]["figure"] == "7"
    assert found["parts"]["models"]["error"] == "not as expected: the loss"
    assert found["parts"]["lock"]["error"] == "TimeoutError: no time was left for the rest"
    assert "error" not in found["parts"]["collective"]
    assert "no such kernel" in capsys.readouterr().out
