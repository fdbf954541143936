"""Trackers mirror a run; none of them can lose it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running import QUICK, entry_point, train_quickly


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no_netrc"))
    for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))


def test_tensorboard_events_are_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train_quickly(tmp_path / "run", "logger=tensorboard", "trainer.max_epochs=2")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert len(events.Scalars("train/loss")) == len(events.Scalars("val/f1_macro")) == 2


@pytest.mark.slow
def test_wandb_without_a_key_logs_offline_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = train_quickly(tmp_path / "run", "logger=wandb", "trainer.max_epochs=1")
    assert metrics["status"] == "done"
    assert "No W&B key is set: logging offline" in capsys.readouterr().out
    recordings = list((tmp_path / "run").rglob("*.wandb"))
    assert len(recordings) == 1
    assert recordings[0].stat().st_size > 1000


def test_wandb_disabled_writes_nothing(tmp_path: Path) -> None:
    train_quickly(tmp_path / "run", "logger=wandb", "logger.mode=disabled", "trainer.max_epochs=1")
    assert not list((tmp_path / "run").rglob("*.wandb"))
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["status"] == "done"


@pytest.mark.slow
def test_an_unreachable_server_does_not_lose_the_run(tmp_path: Path) -> None:
    nowhere = {"WANDB_API_KEY": "0" * 40, "WANDB_BASE_URL": "http://127.0.0.1:9"}  # a port where nobody answers
    words = [*QUICK, "logger=wandb", "trainer.max_epochs=1", f"hydra.run.dir={tmp_path / 'run'}"]
    done = entry_point("train", *words, cwd=tmp_path, **nowhere)
    assert done.returncode == 0, done.stderr
    assert "W&B cannot be reached" in done.stdout
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["status"] == "done"
    assert len(list((tmp_path / "run").rglob("offline-run-*/*.wandb"))) == 1
