"""Hostile files in processes of their own: every one gets an answer, and the right one."""

from __future__ import annotations

import os

from benchmarks import hostile
from benchmarks.hostile import CRASHED, Answer, Outcome
from benchmarks.hostile_files import HostileFile, make_files


def test_every_hostile_file_gets_the_right_answer(tmp_path):
    outcome = hostile.run(tmp_path, count=57, seed=4)
    assert len(outcome.answers) == 57
    assert outcome.failures() == []


def test_the_same_seed_makes_the_same_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = make_files(tmp_path / "a", 19, 1), make_files(tmp_path / "b", 19, 1)
    regular = [number for number, file in enumerate(one) if file.path.is_file() and os.access(file.path, os.R_OK)]
    assert len(regular) > 12
    for number in regular:
        assert one[number].path.read_bytes() == two[number].path.read_bytes()


def test_wrong_answers_are_failures(tmp_path):
    good, bad = HostileFile("good", tmp_path / "a", True), HostileFile("text", tmp_path / "b", False)
    either = HostileFile("bit flips", tmp_path / "c", None)
    fine = [Answer("read", 0), Answer("unreadable", 0), Answer("read", 0)]
    assert Outcome([good, bad, either], fine).failures() == []
    wrong = [Answer("empty", 0), Answer("read", 0), Answer(CRASHED, 0)]
    assert len(Outcome([good, bad, either], wrong).failures()) == 3
    assert Outcome([good, bad, either], fine[:2]).failures() == ["1 files got no answer"]
    assert "more than" in Outcome([good], [Answer("read", 0, memory=1e6)]).failures()[0]
