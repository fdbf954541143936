"""The simulation of coverage tells intervals that are too narrow from those that are not."""

from __future__ import annotations

from argparse import Namespace

from benchmarks.coverage import coverage

FEW = Namespace(samples=60, draws=100, seed=0)


def test_intervals_over_clips_hold_the_truth_too_rarely_and_those_over_groups_do_not() -> None:
    rows = {row[1]: row for row in coverage(40, FEW, rare=False)}
    assert list(rows) == ["accuracy", "macro F1", "Spearman"]
    for row in rows.values():
        over_clips, _, over_groups = map(float, row[3:6])
        assert over_clips < 0.8 < 0.86 < over_groups
    assert len(list(coverage(40, FEW, rare=True))) == 4
