"""Work in several processes: ordered, bounded, and a crash costs one item."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from music_affect.contracts.errors import ConfigurationError
from music_affect.system.parallel import IN_FLIGHT, in_order, processes_for


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


def square_or_die_of(broken: Path, number: int) -> int:
    if broken.exists() or number == 3:
        os._exit(9)
    return number * number


@pytest.mark.parametrize("processes", [1, 2])
def test_no_item_is_blamed_for_what_ends_every_process(tmp_path: Path, processes: int) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    healed: list[None] = []

    def heal() -> None:
        healed.append(None)
        broken.unlink(missing_ok=True)

    results = in_order(partial(square_or_die_of, broken), range(6), processes, minus_one, lambda item: True, heal)
    assert list(results) == [0, 1, 4, -1, 16, 25]
    assert len(healed) == 2, "for the first item, and before the one is blamed that it is the fault of"


def test_what_cannot_be_mended_ends_the_work(tmp_path: Path) -> None:
    def give_up() -> None:
        raise ConfigurationError("broken", expected="sound", fix="mend it")

    with pytest.raises(ConfigurationError, match="broken"):
        list(in_order(square_or_die, range(30), 2, minus_one, ready=give_up))


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
