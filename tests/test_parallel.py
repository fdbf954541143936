"""Work in several processes: ordered, bounded, and a crash costs one item."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pytest

from music_affect.errors import ConfigurationError
from music_affect.parallel import IN_FLIGHT, in_order, processes_for


def square(number: int) -> int:
    return number * number


def square_or_die(number: int) -> int:
    if number in (3, 17):
        os._exit(9)
    return number * number


def blas_threads(_: int) -> int:
    """Threads of all linear algebra that a worker loads, before and after its first item."""
    import scipy.linalg  # type: ignore[import-untyped]  # noqa: F401
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    return max(int(library["num_threads"]) for library in threadpool_info())


def minus_one(number: int) -> int:
    return -1


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_order(processes: int) -> None:
    assert list(in_order(square, range(20), processes)) == [number**2 for number in range(20)]


def test_a_worker_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert set(in_order(blas_threads, range(4), 2)) == {1}


def test_an_item_that_ends_its_process_costs_itself_alone() -> None:
    wanted = [-1 if number in (3, 17) else number**2 for number in range(30)]
    assert list(in_order(square_or_die, range(30), 2, minus_one)) == wanted


def test_without_an_answer_for_it_a_crash_ends_the_work() -> None:
    with pytest.raises(BrokenProcessPool):
        list(in_order(square_or_die, range(30), 2))


def test_items_are_taken_only_as_they_are_needed() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    results = in_order(square, items(), 2)
    for _ in range(5):
        next(results)
    assert taken <= 5 + 2 * IN_FLIGHT
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("items", "wanted", "processes"), [(10, 2, 1), (1000, 2, 2), (60, 8, 2), (0, None, 1)])
def test_few_items_get_few_processes(items: int, wanted: int | None, processes: int) -> None:
    assert processes_for(items, wanted) == processes


@pytest.mark.parametrize("wanted", [0, -1, 2.7, "abc", True])
def test_what_is_no_number_of_processes_is_refused(wanted: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"workers={wanted}; expected null or a whole number from 1 up"):
        processes_for(100, wanted)
