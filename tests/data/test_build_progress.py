"""What a person reads while features are extracted."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from logged import logged

from music_affect.data.cache.progress import Progress


def lines(monkeypatch: pytest.MonkeyPatch, seconds: list[float], clips: int = 600, failing: int = 0) -> list[str]:
    """What is said where there is no terminal, of clips that take so long one after the other."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    skipped = Counter[str]()
    with logged() as said, Progress(clips, clips, skipped) as progress:
        for number, taken in enumerate(seconds):
            now += taken
            skipped["unreadable"] += number < failing
            progress.advance()
    return said


def test_what_is_done_once_before_the_first_clip_makes_no_hours_of_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(monkeypatch, [40.0, *[0.25] * 250])[0] == "41 of 600 clips, 4.0 clips/s, about 2 min left"


def test_the_first_line_comes_early_and_has_an_estimate_that_means_something(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(monkeypatch, [0.5] * 40)[0] == "30 of 600 clips, 2.0 clips/s, about 5 min left"
    assert lines(monkeypatch, [7.0] * 12) == ["9 of 600 clips"], "after a minute there is a line, of a few clips"


def test_the_rate_is_that_of_the_recent_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    said = lines(monkeypatch, [0.1] * 300 + [1.0] * 290)
    assert said[-1].endswith("1.0 clips/s, about 1 min left")


def test_failures_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(monkeypatch, [0.5] * 40, failing=3)[0] == "30 of 600 clips, 2.0 clips/s, 3 left out, about 5 min left"
