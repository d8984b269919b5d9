"""Together: several threads that do their work at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 20  # seconds that a test waits for another thread before it fails


def at_once(*works: Callable[[], T]) -> list[T]:
    """Begin all works together and return what they return; the first error is raised."""
    together = Barrier(len(works))

    def begin(work: Callable[[], T]) -> T:
        together.wait(PATIENCE)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(begin, work) for work in works]
        return [future.result(PATIENCE) for future in futures]
