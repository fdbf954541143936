"""Work on many files in several processes: in order, bounded in memory, and none left behind."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TypeVar

from music_affect.contracts.errors import ConfigurationError

Item = TypeVar("Item")
Result = TypeVar("Result")

WORTH_A_PROCESS = 24  # items: starting a process takes as long as some of them
IN_FLIGHT = 4  # items waiting a worker: enough to keep it busy, few enough to bound memory


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processes_for(items: int, wanted: int | None = None) -> int:
    """How many processes to use: ``wanted``, or one a core, as far as there is work for them.

    Raises:
        ConfigurationError: ``wanted`` is no number of processes.
    """
    check_workers(wanted)
    return max(1, min(wanted or cores(), items // WORTH_A_PROCESS))


def check_workers(wanted: object) -> None:
    """Refuses what is no number of processes; None leaves it to us.

    Raises:
        ConfigurationError: with what was asked for.
    """
    if wanted is not None and (type(wanted) is not int or wanted < 1):
        raise ConfigurationError(
            f"workers={wanted}", expected="null or a whole number from 1 up", fix="correct it or leave it out"
        )


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    processes: int,
    crashed: Callable[[Item], Result] | None = None,
    suspected: Callable[[Item], bool] = lambda item: False,
    ready: Callable[[], None] = lambda: None,
) -> Iterator[Result]:
    """Results of a function, in the order of the items.

    Args:
        function: a module's function, or another picklable one.
        items: picklable.
        processes: 1 works in this process.
        crashed: the result of an item that ends its process (a defect in a decoder, no memory left); without it, such
            an item ends the work with ``BrokenProcessPool``, and with ``processes=1`` this process.
        suspected: whether an item has ended a process before; it gets one of its own where it would end this one.
        ready: called when an item is about to be blamed for the end of a process; mends what else may have been the
            cause, or raises.
    """
    if processes == 1:
        for item in items:
            yield _alone(function, item, crashed, ready) if crashed and suspected(item) else function(item)
        return
    remaining = iter(items)
    held: deque[Item] = deque()  # in flight; an item is held before it is handed over, which may already fail
    futures: deque[Future[Result]] = deque()
    with _pool(processes) as pool:
        try:
            for item in remaining:
                held.append(item)
                futures.append(pool.submit(function, item))
                if len(held) == processes * IN_FLIGHT:
                    yield futures[0].result()
                    held.popleft()
                    futures.popleft()
            while held:
                yield futures[0].result()
                held.popleft()
                futures.popleft()
            return
        except BrokenProcessPool:
            if crashed is None:
                raise
        finally:
            for future in futures:
                future.cancel()
    # Which of the items in flight did it, if any? Each gets a process of its own; then the work goes on as before.
    for item in held:
        yield _alone(function, item, crashed, ready)
    yield from in_order(function, remaining, processes, crashed, suspected, ready)


def _alone(
    function: Callable[[Item], Result],
    item: Item,
    crashed: Callable[[Item], Result],
    ready: Callable[[], None],
) -> Result:
    """The result of an item in a process of its own; it is blamed only for what happens twice, the second time there
    being nothing else that could have ended the process.
    """
    try:
        return _isolated(function, item)
    except BrokenProcessPool:
        ready()
    try:
        return _isolated(function, item)
    except BrokenProcessPool:
        return crashed(item)


def _isolated(function: Callable[[Item], Result], item: Item) -> Result:
    with _pool(1) as pool:
        return pool.submit(function, item).result()


def _pool(processes: int) -> ProcessPoolExecutor:
    # Spawned, not forked: a fork would inherit the locks of the parent's thread pools.
    return ProcessPoolExecutor(processes, get_context("spawn"), initializer=_start)


def _start() -> None:
    """One thread a process; without the watch, workers of a killed process would wait for work for ever."""
    from threadpoolctl import threadpool_limits

    for name in ("OMP", "OPENBLAS", "MKL"):  # read by libraries that are loaded later …
        os.environ[f"{name}_NUM_THREADS"] = "1"
    threadpool_limits(1)  # … and these are loaded already
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()
