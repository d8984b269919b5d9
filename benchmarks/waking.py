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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks import spiff
from benchmarks.figures import Figure, figure
from benchmarks.load import MORNING, Size, load
from benchmarks.prototypes import Lived, Wanted, live
from benchmarks.replaying import commits, raw, watched
from benchmarks.turning import Turned, turned
from services import chasing, runs
from services.settings import Settings
from services.wiring import Parts, opened
from storage import ledger, notices, obligations, outbox, plans
from tests import postgres

SIZES = (100_000, 1_000_000)
FEW = 10_000  # beside which runs that turn are measured
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
    turned: Turned = field(default_factory=Turned)

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
        beside = {kind: turned_among(lived, kind, FEW) for kind in kinds}
    for kind in kinds:
        mine = [one for one in found if one.kind == kind]
        largest = mine[-1]
        called = f"{largest.size:,} obligations, {kind}"
        yield _higher(f"SQL of a batch, share of raw SQL; {called}", largest.of_raw, 0.5)
        growth = largest.each(lambda one: one.whole) / mine[0].each(lambda one: one.whole)
        yield _lower(f"a batch, times that at {mine[0].size:,}; {called}", growth, 1.5)
        idle = largest.idle / largest.each(lambda one: one.whole)
        yield _lower(f"a tick with nothing new, share of a batch; {called}", idle, 1.0)
        turns = largest.turned
        yield _higher(f"SQL of runs that turn, share of raw SQL; {called}", turns.of_raw, 0.5)
        growth = turns.of_a_run / beside[kind].of_a_run
        yield _lower(f"a run that turns, times that at {FEW:,}; {called}", growth, 1.5)
        times = turns.of_a_run / statistics.median(turns.raw)
        yield _lower(f"a run that turns, times its raw SQL; {called}", times, 4.0)
        weight = largest.megabytes / mine[0].megabytes
        yield _lower(f"memory of a chase, times that at {mine[0].size:,}; {called}", weight, 1.1)
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
    """Load a database, chase what is due on it, and let runs turn."""
    found = Measured(kind, size)
    wanted = Size(size, due=DUE, due_runs=DUE // 30, versions=VERSIONS)
    with _loaded(lived, kind, wanted) as (settings, copies):
        found.megabytes = _weight(settings)
        with opened(settings) as parts:
            chasing.issue_notices(parts, MORNING)  # the first one reads from a cold disk
            for _ in range(BATCHES):
                found.raw.append(raw(parts, lambda: chasing._chase_batch(parts, MORNING)))
                found.batches.append(_batch(parts))
            while chasing.issue_notices(parts, MORNING):
                pass
            found.idle = statistics.median(_batch(parts).whole for _ in range(5))
            found.turned = turned(parts, copies)
    return found


def turned_among(lived: Lived, kind: str, size: int) -> Turned:
    """Load a database of a size, and let runs turn on it."""
    with (
        _loaded(lived, kind, Size(size, versions=VERSIONS)) as (settings, copies),
        opened(settings) as parts,
    ):
        return turned(parts, copies)


@contextmanager
def _loaded(lived: Lived, kind: str, size: Size) -> Iterator[tuple[Settings, Mapping[str, str]]]:
    """Load a database; give the settings that it is reached by, and what its runs are copies of."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = f"sqlite:///{folder}/load.sqlite3"
        if kind == "postgresql":
            server = stack.enter_context(postgres.serve())
            named = stack.enter_context(server.database())
            url = named.render_as_string(hide_password=False)
        copies = load(url, lived, size).runs
        yield Settings(home=folder / "home", database_url=url, brief="off"), copies


# ── The program's batches ──


def _batch(parts: Parts) -> Batch:
    found = Batch()
    with ExitStack() as stack:
        for module, names in STORAGE:
            for name in names:
                stack.enter_context(watched(module, name, found, "sql"))
        stack.enter_context(watched(runs, "fold_some", found, "rules", time.process_time))
        stack.enter_context(watched(chasing._Batch, "decide", found, "rules", time.process_time))
        stack.enter_context(commits(parts, found))
        began, spent = time.perf_counter(), time.process_time()
        done = chasing.issue_notices(parts, MORNING)
        found.whole, found.processor = time.perf_counter() - began, time.process_time() - spent
    found.due = sum(one.notices for one in done) or 1
    return found


# ── What a chase weighs ──


def _weight(settings: Settings) -> float:
    """Return the megabytes that a process of its own has after some batches."""
    arguments = [sys.executable, "-m", "benchmarks.waking", "--weigh", settings.url]
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
