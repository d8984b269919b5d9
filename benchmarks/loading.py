"""Loading: how long plans take to read and check, beside PyYAML alone; and hostile files.

Processor time is measured, so that whatever else the machine does counts for nothing.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.figures import Figure, figure, median_of
from benchmarks.hostile import HOSTILE
from benchmarks.plans import write_plan
from plan_definitions import Bundle, check, has_faults
from plan_definitions.reading.yaml_source import parse

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def loading() -> Iterator[Figure]:
    """Measure how plans of 1,000 and of 10,000 tasks load, and what hostile files cost."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (write_plan(Path(folder), tasks) for tasks in (1_000, 10_000))
        yield from _plans(small, large)
        yield from _hostile(Path(folder) / "hostile.yaml")


def _plans(small: Path, large: Path) -> Iterator[Figure]:
    if has_faults(found := check(Bundle.read(large))):
        raise SystemExit(f"the generated plan should be faultless: {found[0].message()}")
    text = large.read_text(encoding="utf-8")
    loaded = _processor_time(15, lambda: yaml.load(small.read_bytes(), Loader=LOADER))
    checked = _processor_time(15, lambda: check(Bundle.read(small)))
    yield _lower("checking 1,000 tasks, share of PyYAML's C loader", checked / loaded, 0.4)
    loaded = _processor_time(5, lambda: yaml.load(text, Loader=LOADER))
    read = _processor_time(5, lambda: parse("plan", text))
    yield _lower("reading 10,000 tasks, share of PyYAML's C loader", read / loaded, 0.25)
    checked_large = _processor_time(5, lambda: check(Bundle.read(large)))
    built = (checked_large - read) / loaded
    yield _lower("building and checking these, share of PyYAML's C loader", built, 0.25)
    yield _lower("checking 10,000 tasks, times 1,000 tasks", checked_large / checked, 12)


def _hostile(file: Path) -> Iterator[Figure]:
    slowest = 0.0
    for hostile in HOSTILE.values():
        file.write_bytes(hostile.make())
        seconds = _processor_time(3, lambda: check(Bundle.read(file)))
        slowest = max(slowest, seconds)
    yield _lower("slowest hostile file (ms)", 1000 * slowest, 100)


def _processor_time(times: int, work: Callable[[], object]) -> float:
    return median_of(times, work, clock=time.process_time)


def _lower(name: str, value: float, goal: float) -> Figure:
    return figure(name, value, goal, better="lower")
