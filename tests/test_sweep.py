"""A grid by -m: every cell in a folder of its own, a failing one seen and survived."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import QUICK, entry_point

from music_affect import files


@pytest.mark.slow
def test_a_failing_cell_is_seen_and_the_others_finish(tmp_path: Path) -> None:
    words = [word for word in QUICK if not word.startswith("trainer.max_epochs")]
    rates = "optimizer.lr=1e30,1e-3"  # the first cell explodes
    done = entry_point(
        "train",
        "-m",
        *words,
        "trainer.max_epochs=1",
        rates,
        "trainer.gradient_clip_val=null",
        "scheduler=constant",
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "is not finite" in done.stderr
    states = {path.parent.name: files.read_json(path)["state"] for path in (tmp_path / "multirun").rglob("status.json")}
    assert sorted(states.values()) == ["done", "failed"]
    assert all(name.startswith(("0-genre-synthetic", "1-genre-synthetic")) for name in states)
