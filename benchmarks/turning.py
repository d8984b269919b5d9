"""Turning: what a plan run costs in which a stage turns, with its news and assignments.

Some days after the morning gates have given way in many runs; in office hours the next stages
open, those who owe something there get their assignment, those above the news. The same number
of copies of each prototype turns in a portion, however much else there is. Every other portion
is replayed raw. `benchmarks.waking` measures it on the databases that it has loaded anyway.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import ModuleType

from sqlalchemy import select

from benchmarks.replaying import commits, raw, watched
from services import chasing
from services.wiring import Parts
from storage import ledger, notices, obligations, outbox, plans
from storage.tables import PLAN_RUNS

AT = datetime.fromisoformat("2026-06-16T00:00+07:00")
PORTIONS = 4  # every other one is replayed raw
COPIES = 1  # of each prototype in a portion
STORAGE: tuple[tuple[ModuleType, tuple[str, ...]], ...] = (
    (plans, ("take_due", "set_turns", "set_briefs")),
    (obligations, ("count", "due_of", "project", "first_last_days")),
    (notices, ("keys_of_open", "save")),
    (ledger, ("states_of", "waiting_news", "append_all", "since_briefs")),
    (outbox, ("enqueue_all", "next_part")),
)


@dataclass
class Portion:
    """Runs that turned in one transaction: how many, and seconds in all and in SQL."""

    runs: int = 0
    whole: float = 0.0
    sql: float = 0.0


@dataclass
class Turned:
    """What was measured: portions of the program's own, and seconds of raw SQL for one run."""

    portions: list[Portion] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)

    @property
    def of_a_run(self) -> float:
        """Seconds for one run."""
        return statistics.median(one.whole / one.runs for one in self.portions)

    @property
    def of_raw(self) -> float:
        """The raw statements' share of the program's SQL part."""
        ours = statistics.median(one.sql / one.runs for one in self.portions)
        return statistics.median(self.raw) / ours


def turned(parts: Parts, copies: Mapping[str, str]) -> Turned:
    """Turn runs, portion by portion; `copies` says of which prototype each is one."""
    found = Turned()
    for number, names in enumerate(_portions(parts, copies)):
        if number % 2:
            found.portions.append(_portion(parts, names))
        else:
            seconds = raw(parts, partial(chasing._chase_whole, parts, names, AT))
            found.raw.append(seconds / len(names))
    return found


def _portions(parts: Parts, copies: Mapping[str, str]) -> list[list[str]]:
    """Return the runs of each portion, all alike; read their plans beforehand."""
    with parts.database.reading() as connection:
        query = select(PLAN_RUNS.c.id, PLAN_RUNS.c.plan_version)
        query = query.where(PLAN_RUNS.c.next_turn_at <= AT).order_by(PLAN_RUNS.c.id)
        versions = {row.id: row.plan_version for row in connection.execute(query)}
    of_prototype: dict[str, list[str]] = defaultdict(list)
    for run in versions:
        of_prototype[copies[run]].append(run)
    many = [runs for runs in of_prototype.values() if len(runs) >= PORTIONS * COPIES]
    portions = [
        [run for runs in many for run in runs[first : first + COPIES]]
        for first in range(0, PORTIONS * COPIES, COPIES)
    ]
    for version in sorted({versions[run] for names in portions for run in names}):
        parts.plan(version)
    return portions


def _portion(parts: Parts, names: Sequence[str]) -> Portion:
    found = Portion()
    with ExitStack() as stack:
        for module, functions in STORAGE:
            for function in functions:
                stack.enter_context(watched(module, function, found, "sql"))
        stack.enter_context(commits(parts, found))
        began = time.perf_counter()
        done, _left = chasing._chase_whole(parts, names, AT)
        found.whole = time.perf_counter() - began
    found.runs = len(done)
    return found
