"""Mistakes on the command line: one line, exit code 1, and no heavy import on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from running import entry_point

from music_affect.configuration.compose import check_overrides
from music_affect.contracts.errors import ConfigurationError

HEAVY = ("torch", "lightning", "librosa", "sklearn", "scipy", "matplotlib")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("modle=ast", "unknown setting 'modle', did you mean 'model'?"),
        ("model=asst", "model=asst, did you mean 'ast'?"),
        ("trainer.max_epoch=3", "did you mean 'trainer.max_epochs'?"),
        ("data=fma_beet", "did you mean 'fma_beat'?"),
        ("model.num_features=10", "sizes of the data are not configured"),
        ("+model@second=nothing", "model=nothing; expected model to be one of"),
        ("seed=${nowhere}", "the configuration does not compose"),
        ("model=cnn,lsmt", "did you mean 'lstm'?"),
        ("optimizer.lr=[1,", "the command line is not understood"),
        ("hparams_search=default search.trails=3", "did you mean 'search.trials'?"),
        ("grid=architectures,gpu_cpu", "expected one grid"),
    ],
)
def test_a_mistake_is_named_with_the_way_out(words: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_overrides("train", words.split())
    assert told in str(caught.value)
    assert "; expected " in str(caught.value)


def test_a_sweep_is_checked_by_its_first_cell() -> None:
    cfg = check_overrides("train", ["model=lstm,cnn", "seed=range(3,6)", "features=choice(mel,chroma)"])
    assert (cfg.model.name, cfg.seed, cfg.features.name) == ("lstm", 3, "mel")


def test_a_missing_value_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="checkpoint is not given; expected checkpoint=VALUE"):
        check_overrides("evaluate", [])


def test_describing_data_and_refusing_a_command_needs_no_heavy_import() -> None:
    code = (
        "import sys, music_affect.train, music_affect.evaluate, music_affect.data.synthetic, music_affect.data.lab;"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_mistake_exits_with_one_line(tmp_path: Path) -> None:
    done = entry_point("train", "modle=ast", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: unknown setting 'modle'")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_traceback_comes_on_request(tmp_path: Path) -> None:
    done = entry_point("train", "data=fma", cwd=tmp_path, MUSIC_AFFECT_TRACEBACK="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_task_and_data_are_checked_before_anything_is_looked_for(tmp_path: Path) -> None:
    done = entry_point("train", "task=genre", "data=multitask", cwd=tmp_path)
    assert done.returncode == 1
    assert "offers valence (continuous), energy (continuous), danceability (continuous)" in done.stderr
    assert "choose" in done.stderr
    assert "fma" in done.stderr
    assert list(tmp_path.iterdir()) == [], "a refused run leaves no folder behind"


def test_nothing_to_work_on_is_answered_without_any_work(tmp_path: Path) -> None:
    done = entry_point("prepare", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no data is chosen; expected a data set; add data=folder data.root=MUSIC")
    assert list(tmp_path.iterdir()) == []
