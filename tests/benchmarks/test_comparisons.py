"""The simulation of comparisons tells those that find true differences from those that do not."""

from __future__ import annotations

from argparse import Namespace

from benchmarks.comparisons import SWEEPS, row

FEW = Namespace(samples=60, draws=200)


def test_all_pairs_find_what_neighbours_do_not_and_the_best_is_in_its_set() -> None:
    _, held, studentised, size, _, false, neighbours, pairs, *_ = row(SWEEPS["even steps, 0.14 in all"], 150, FEW)
    assert float(held) >= float(studentised) > 0.9
    assert 2 < float(size) < 8
    assert float(false) < 0.1
    assert float(neighbours.split(",")[0]) < 0.1 < 0.7 < float(pairs.split(",")[0])


def test_the_optimism_of_equals_is_near_its_truth() -> None:
    found = row(SWEEPS["ten equal"], 150, FEW)
    truth, expected, alone = map(float, found[-3:])
    assert abs(truth - expected) < 0.2 * truth < truth - alone
    assert float(found[5]) < 0.15
