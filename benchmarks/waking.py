"""Waking: what it costs to find, decide and enqueue what is due, however much there is.

    python -m benchmarks.waking [--sizes 100000 1000000] [--kinds sqlite postgresql]

On each database a country's worth of runs is loaded, of which a few thousand obligations are
due. They are chased batch by batch. Beside the program's own batches others are replayed raw:
the same set statements, with all values made ready before, through the bare driver. What the
program spends in `storage` and in the commit is its SQL part.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from sqlalchemy import Connection, event, func, select

from benchmarks import spiff
from benchmarks.figures import Figure, figure
from benchmarks.load import MORNING, Size, load
from benchmarks.prototypes import Lived, Wanted, live
from services import chasing, runs
from services.settings import Settings
from services.wiring import Parts, opened
from storage import ledger, notices, obligations, outbox, plans
from storage.tables import MESSAGES
from tests import postgres

SIZES = (100_000, 1_000_000)
SQLITE = "sqlite"
KINDS = (SQLITE, "postgresql")
BATCHES = 6  # of about a thousand obligations; every other one is replayed raw
FILLING = 6  # batches after which a process has filled its caches
DUE = (2 * BATCHES + FILLING + 2) * chasing.MOST_DUE
VERSIONS = 100  # of plans, however many runs: else the larger size would read more plans
OLDEST = 30  # days of history: the more, the more rows that no wake-up reads
RUNGS = 17  # of the ladder of plan 37
STORAGE: tuple[tuple[ModuleType, tuple[str, ...]], ...] = (
    (plans, ("take_due", "set_wakes", "asleep")),
    (obligations, ("due_of", "count_due", "set_wakes")),
    (notices, ("keys_of_due", "save")),
    (ledger, ("states_of_due", "append_all")),
    (outbox, ("enqueue_all", "next_part")),
)


@dataclass
class Batch:
    """One batch: how many obligations it was about, and seconds.

    By the wall in all and in SQL, of the processor in all and in the rules.
    """

    due: int = 0
    whole: float = 0.0
    processor: float = 0.0
    sql: float = 0.0
    rules: float = 0.0


@dataclass
class Measured:
    """What was measured on one database of one size; `idle` is a tick with nothing due."""

    kind: str
    size: int
    batches: list[Batch] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    idle: float = 0.0
    megabytes: float = 0.0

    def each(self, of: Callable[[Batch], float]) -> float:
        """Return the median over the batches, for a thousand obligations."""
        return statistics.median(1000 * of(one) / one.due for one in self.batches)

    @property
    def of_raw(self) -> float:
        """The raw statements' share of the program's SQL part."""
        return statistics.median(self.raw) / statistics.median(one.sql for one in self.batches)


def waking(sizes: Sequence[int] = SIZES, kinds: Sequence[str] = KINDS) -> Iterator[Figure]:
    """Measure every kind of database at every size."""
    with TemporaryDirectory() as folder:
        lived = live(Path(folder) / "prototypes", Wanted(7, MORNING, oldest=OLDEST))
        found = [measured(lived, kind, size) for kind in kinds for size in sizes]
    for kind in kinds:
        mine = [one for one in found if one.kind == kind]
        largest = mine[-1]
        called = f"{largest.size:,} obligations, {kind}"
        yield _higher(f"SQL of a batch, share of raw SQL; {called}", largest.of_raw, 0.5)
        growth = largest.each(lambda one: one.whole) / mine[0].each(lambda one: one.whole)
        yield _lower(f"a batch, times that at {mine[0].size:,}; {called}", growth, 1.5)
        idle = largest.idle / largest.each(lambda one: one.whole)
        yield _lower(f"a tick with nothing new, share of a batch; {called}", idle, 1.0)
        weight = largest.megabytes / mine[0].megabytes
        yield _lower(f"memory of a chaser, times that at {mine[0].size:,}; {called}", weight, 1.1)
    rules = statistics.median(one.each(lambda batch: batch.rules) for one in found)
    yield _higher("obligations folded and decided a second", 1000 / rules, 20_000)
    if SQLITE not in kinds:
        return
    # On a file all of it is our processor time, as it is Spiff's; a server's would be its own.
    ours = min(one.each(lambda batch: batch.processor) for one in found if one.kind == SQLITE)
    times = spiff.seconds_for(1_000, rungs=RUNGS) / ours
    yield _higher("due timers advanced and stored, times SpiffWorkflow", times, 10)


def _higher(name: str, value: float, goal: float) -> Figure:
    return figure(name, value, goal, better="higher")


def _lower(name: str, value: float, goal: float) -> Figure:
    return figure(name, value, goal, better="lower")


def measured(lived: Lived, kind: str, size: int) -> Measured:
    """Load a database and chase what is due on it."""
    found = Measured(kind, size)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = f"sqlite:///{folder}/load.sqlite3"
        if kind == "postgresql":
            server = stack.enter_context(postgres.serve())
            named = stack.enter_context(server.database())
            url = named.render_as_string(hide_password=False)
        load(url, lived, Size(size, due=DUE, due_runs=DUE // 30, versions=VERSIONS))
        settings = Settings(home=folder / "home", database_url=url, brief="off")
        found.megabytes = _weight(url)
        with opened(settings) as parts:
            chasing.issue_notices(parts, MORNING)  # the first one reads from a cold disk
            for _ in range(BATCHES):
                found.raw.append(_raw(parts))
                found.batches.append(_batch(parts))
            while chasing.issue_notices(parts, MORNING):
                pass
            found.idle = statistics.median(_batch(parts).whole for _ in range(5))
    return found


# ── The program's batches ──


def _batch(parts: Parts) -> Batch:
    found = Batch()
    with ExitStack() as stack:
        for module, names in STORAGE:
            for name in names:
                stack.enter_context(_watched(module, name, found, "sql"))
        stack.enter_context(_watched(runs, "fold_some", found, "rules", time.process_time))
        stack.enter_context(_watched(chasing._Batch, "decide", found, "rules", time.process_time))
        stack.enter_context(_commits(parts, found))
        began, spent = time.perf_counter(), time.process_time()
        done = chasing.issue_notices(parts, MORNING)
        found.whole, found.processor = time.perf_counter() - began, time.process_time() - spent
    found.due = sum(one.notices for one in done) or 1
    return found


@contextmanager
def _watched(
    owner: Any,
    name: str,
    into: Batch,
    what: str,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[None]:
    real = getattr(owner, name)

    def watched(*args: Any, **kwargs: Any) -> Any:
        began = clock()
        try:
            return real(*args, **kwargs)
        finally:
            setattr(into, what, getattr(into, what, 0.0) + clock() - began)

    setattr(owner, name, watched)
    try:
        yield
    finally:
        setattr(owner, name, real)


@contextmanager
def _commits(parts: Parts, into: Batch) -> Iterator[None]:
    dialect = parts.database.engine.dialect
    with _watched(dialect, "do_commit", into, "sql"):
        yield


# ── The same statements, raw ──


class _Enough(Exception):
    """The batch that was recorded is not to be committed."""


def _raw(parts: Parts) -> float:
    """Record the statements of a batch, and return how long the bare driver takes for them."""
    statements: list[tuple[str, Any, bool]] = []
    writers: list[Connection] = []

    def record(
        connection: Connection, _cursor: Any, sql: str, values: Any, _context: Any, many: bool
    ) -> None:
        writers.append(connection)
        if connection is writers[0]:  # not what reads the texts of a plan in between
            statements.append((sql, values, many))

    def enough(connection: Connection) -> None:
        if connection is writers[0]:
            raise _Enough

    engine = parts.database.engine
    event.listen(engine, "before_cursor_execute", record)
    event.listen(engine, "commit", enough)
    try:
        chasing._chase_batch(parts, MORNING)
    except _Enough:
        pass
    finally:
        event.remove(engine, "before_cursor_execute", record)
        event.remove(engine, "commit", enough)
    _number_anew(parts)
    with opened(parts.settings) as other, other.database.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        cursor = raw.cursor()
        began = time.perf_counter()
        for sql, values, many in statements:
            if many:
                cursor.executemany(sql, values)
            else:
                cursor.execute(sql, values)
                if cursor.description is not None:
                    cursor.fetchall()
        raw.commit()
        return time.perf_counter() - began


def _number_anew(parts: Parts) -> None:
    """Let messages have the numbers again that the recorded notices refer to."""
    if parts.database.is_sqlite:
        return
    with parts.database.writing() as connection:
        last = connection.execute(select(func.max(MESSAGES.c.id))).scalar_one()
        sequence = func.pg_get_serial_sequence("messages", "id")
        connection.execute(select(func.setval(sequence, last)))


# ── What a chaser weighs ──


def _weight(url: str) -> float:
    """Return the megabytes that a process of its own has after some batches."""
    arguments = [sys.executable, "-m", "benchmarks.waking", "--weigh", url]
    found = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return float(found.stdout)


def _weigh(url: str) -> None:
    with (
        TemporaryDirectory() as folder,
        opened(Settings(home=Path(folder), database_url=url, brief="off")) as parts,
    ):
        for _ in range(FILLING):
            chasing.issue_notices(parts, MORNING)
    # Not `getrusage`: it tells what the process that started this one weighed, if that is more.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def main() -> int:
    """Measure and print; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waking")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--weigh", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.weigh:
        _weigh(given.weigh)
        return 0
    table = RichTable("figure", "value", "goal", "ok")
    found = list(waking(given.sizes, given.kinds))
    for one in found:
        sign = "≤" if one.better == "lower" else "≥"
        table.add_row(one.name, f"{one.value:g}", f"{sign} {one.goal:g}", "yes" if one.ok else "NO")
    Console(width=140).print(table)
    return 0 if all(one.ok for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
