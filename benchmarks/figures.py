"""Figures: what a benchmark measured, beside its goal."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure beside its goal."""

    name: str
    value: float
    goal: float
    better: str
    ok: bool


def figure(name: str, value: float, goal: float, *, better: str) -> Figure:
    """Return a figure, judged."""
    ok = value <= goal if better == "lower" else value >= goal
    return Figure(name, round(value, 3), goal, better, ok)


def median_of(
    times: int, work: Callable[[], object], *, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the median of seconds that `work` takes, over so many times."""
    found = []
    for _ in range(times):
        began = clock()
        work()
        found.append(clock() - began)
    return statistics.median(found)
