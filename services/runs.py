"""Runs: start a plan, and load a run's state; what changes of it is kept by `keeping`."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.ledger import Entry, EntryKind, Folding, ObligationState, fold_alike, fold_some
from engine.plan import Plan
from plan_definitions import Bundle, PlanFaults, load
from services.errors import Refused, one_line
from services.keeping import LiveRun, keep
from services.wiring import Parts
from services.written import line, plain
from storage import ledger, obligations, plans
from storage.obligations import Projected
from storage.plans import StoredRun

log = logging.getLogger(__name__)

NAMED = 10  # runs that a sentence lists
UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    PlanFaults,
    Refused,
    TypeError,
    ValueError,
)
"""What a run raises of which this program cannot read the plan or the ledger."""
UNREADABLE_FOR = timedelta(minutes=10)
"""For how long a run that can't be read is left alone: it would stand before others each time."""


@contextmanager
def passed_over(parts: Parts, run: str) -> Iterator[None]:
    """Leave a run that cannot be read as it is, and say so in the log: the others go on.

    The operator is alarmed by what `parts` keep of it, and `dondoc db check` names it.
    """
    try:
        yield
    except UNREADABLE as error:
        parts.unread[run] = one_line(error)
        log.error("run %s can't be read: %s", run, one_line(error), extra={"action": "unreadable"})


@dataclass(frozen=True, slots=True)
class Started:
    """Which run a start led to, and whether it is new."""

    run: str
    is_new: bool
    started_at: datetime


def start(
    parts: Parts,
    bundle: Bundle,
    *,
    now: datetime,
    by: str,
    started_at: datetime | None = None,
    run: str | None = None,
) -> Started:
    """Start a run of the plan in `bundle`; starting it twice changes nothing.

    `started_at` lets a run begin in the past: what would have been sent since is issued
    as after an outage. Raises PlanFaults with every fault, and Refused where a run of
    that name executes another version of the plan or `started_at` lies ahead.
    """
    plan = load(bundle)
    if started_at is not None and started_at > now:
        raise Refused("refused.starts-ahead", at=started_at.astimezone(plan.zone))
    if run and not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", run):
        raise Refused("refused.bad-run-name", run=plain(run))
    by = line(by)
    with parts.database.writing() as connection:
        run = run or plan.id
        existing = plans.find_run(connection, run)
        if existing is not None:
            return _again(existing, bundle)
        version = plans.save_version(
            parts.database,
            connection,
            plan=plan.id,
            fingerprint=bundle.fingerprint,
            number=plan.number,
            title=plan.title,
            bundle=bundle.to_json(),
            now=now,
        )
        moment = started_at or now
        if not plans.create_run(
            parts.database, connection, run=run, version=version, started_at=moment
        ):
            return _again(plans.find_run(connection, run), bundle)  # another was faster
        folding = Folding(plan)
        obligations.create(
            connection, run, (Projected(state, None) for state in folding.obligations.values())
        )
        stored = plans.find_run(connection, run)
        assert stored is not None
        live = LiveRun(stored, plan, folding)
        keep(connection, live, [Entry(EntryKind.RUN_STARTED, moment, now, by)], now=now)
    log.info("run %s of plan %s started", run, plan.number, extra={"action": "run-started"})
    return Started(run, is_new=True, started_at=moment)


def _again(existing: StoredRun | None, bundle: Bundle) -> Started:
    """What a start comes to where the run is there already."""
    assert existing is not None
    if existing.fingerprint != bundle.fingerprint:
        raise Refused("refused.run-exists", run=existing.id)
    return Started(existing.id, is_new=False, started_at=existing.started_at)


def some(names: Sequence[str]) -> str:
    """List names in a sentence: the first ones, where a country has thousands."""
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")


def find(parts: Parts, run: str | None, *, active_only: bool = False) -> str:
    """Return `run` if it exists; without a name the only active one. Raises Refused.

    Where none is active it is the last one that was, to look at; `active_only` refuses then.
    """
    with parts.database.reading() as connection:
        if run is not None:
            # With a letter that hides it names no run, and not every database can be asked.
            if run != plain(run) or plans.find_run(connection, run) is None:
                names = [found.id for found in plans.all_runs(connection)]
                raise Refused("refused.unknown-run", run=plain(run), known=some(names) or "-")
            return run
        known = plans.all_runs(connection)
    active = [found for found in known if found.completed_at is None]
    if not active and not active_only:
        active = known[:1]
    if not active:
        raise Refused("refused.none-active" if known else "refused.no-run")
    if len(active) > 1:
        names = [found.id for found in active]
        raise Refused("refused.which-run", known=some(names), count=len(names))
    return active[0].id


def live(
    parts: Parts, connection: Connection, run: str, *, as_of: datetime | None = None
) -> LiveRun:
    """Load a run to look at: its plan, and the fold of its ledger up to `as_of`."""
    found = unfolded(parts, connection, run)
    for entry in ledger.states(connection, run, as_of=as_of):
        found.folding.take(entry)
    return found


def unfolded(parts: Parts, connection: Connection, run: str) -> LiveRun:
    """Load a run without its ledger, for who folds it step by step."""
    stored = plans.find_run(connection, run)
    if stored is None:
        raise Refused("refused.unknown-run", run=run, known="-")
    plan = parts.plan(stored.plan_version)
    return LiveRun(stored, plan, Folding(plan), stored.news_at)


def of_due(
    parts: Parts, connection: Connection, taken: Sequence[StoredRun], now: datetime
) -> dict[str, tuple[Plan, dict[str, ObligationState]]]:
    """Return the plans of runs, and the states of what wakes in them at or before `now`.

    Read by a few statements and folded alone, in plan order: the cost follows what is due.
    A run that cannot be read is missing.
    """
    names = [stored.id for stored in taken]
    due = obligations.due_of(connection, names, now)
    entries = ledger.states_of_due(connection, names, now)
    found = {}
    for stored in taken:
        with passed_over(parts, stored.id):
            plan = parts.plan(stored.plan_version)
            found[stored.id] = plan, fold_some(plan, due[stored.id], entries[stored.id])
    return found


def lives(parts: Parts, connection: Connection, taken: Sequence[StoredRun]) -> dict[str, LiveRun]:
    """Load runs as `live` does one, by one statement. A run that cannot be read is missing."""
    entries = ledger.states_of(connection, [stored.id for stored in taken])
    found = {}
    for stored in taken:
        with passed_over(parts, stored.id):
            plan = parts.plan(stored.plan_version)
            folding = fold_alike(plan, entries[stored.id])
            found[stored.id] = LiveRun(stored, plan, folding, stored.news_at)
    return found


def held(parts: Parts, connection: Connection, run: str) -> LiveRun:
    """Load a run to change it: until the transaction ends, others who do the same wait.

    Whoever writes to a run takes its lock before anything else, be it by this or by
    `plans.lock`: then nobody decides by what another is changing, a run's entries are
    committed in the order of their numbers, and no two wait for each other.
    """
    plans.lock(connection, run)
    return live(parts, connection, run)
