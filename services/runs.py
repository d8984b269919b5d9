"""Runs: start a plan, load a run's state, and keep what changed of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from engine import news
from engine.chasing import NoticeKey, is_held_back, next_wake
from engine.graph import SYSTEM, advance, is_finished, next_turn
from engine.ledger import Entry, EntryKind, Folding, ObligationState, fold_some
from engine.plan import Plan
from plan_definitions import Bundle, PlanFaults, load
from services import mornings
from services.errors import Refused, one_line
from services.wiring import Parts
from services.written import line, plain
from storage import ledger, notices, obligations, plans
from storage.obligations import Projected
from storage.plans import StoredRun

NAMED = 10  # runs that a sentence lists

log = logging.getLogger(__name__)

CHANGING_ALL = frozenset(
    {
        EntryKind.RUN_STARTED,
        EntryKind.EVENT_ANNOUNCED,
        EntryKind.STAGE_DONE,
        EntryKind.CHASING_PAUSED,
        EntryKind.CHASING_RESUMED,
    }
)
"""What may change when any obligation of the run next wakes."""


UNREADABLE = (ArithmeticError, LookupError, PlanFaults, Refused, TypeError, ValueError)
"""What a run raises of which this program cannot read the plan or the ledger."""


@contextmanager
def passed_over(run: str) -> Iterator[None]:
    """Leave a run that cannot be read as it is, and say so in the log: the others go on.

    It stays due, which the clock tells of, and `dondoc db check` names it.
    """
    try:
        yield
    except UNREADABLE as error:
        log.error("run %s can't be read: %s", run, one_line(error), extra={"action": "unreadable"})


@dataclass
class LiveRun:
    """A run loaded for one transaction: its plan, and the fold of its ledger.

    `news_at` is when its news go out that nobody was told of, None where there is none.
    """

    stored: StoredRun
    plan: Plan
    folding: Folding
    news_at: datetime | None = None


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
        with passed_over(stored.id):
            plan = parts.plan(stored.plan_version)
            found[stored.id] = plan, fold_some(plan, due[stored.id], entries[stored.id])
    return found


def held(parts: Parts, connection: Connection, run: str) -> LiveRun:
    """Load a run to change it: until the transaction ends, others who do the same wait.

    Whoever writes to a run takes its lock before anything else, be it by this or by
    `plans.lock`: then nobody decides by what another is changing, a run's entries are
    committed in the order of their numbers, and no two wait for each other.
    """
    plans.lock(connection, run)
    return live(parts, connection, run)


def keep(
    connection: Connection,
    run: LiveRun,
    entries: Iterable[Entry],
    *,
    now: datetime,
    touched: Collection[str] = (),
    also: Iterable[Entry] = (),
) -> list[Entry]:
    """Record `entries`, open and close stages, and bring the projection up to it.

    `touched` are further obligations whose wake-up is to be reckoned anew; `also` are
    entries that say what was sent and change no state. Returns what was appended, `entries`
    first. What had turned before they were recorded stands before them in the ledger,
    noticed or not: a return of today takes nobody out of a stage that was done yesterday.
    """
    taken = list(entries)
    turned = advance(run.folding, now) if taken else []
    for entry in taken:
        run.folding.take(entry)
    later = [*advance(run.folding, now), *also]
    ledger.append(connection, run.stored.id, [*turned, *taken, *later])
    appended = [*taken, *turned, *later]
    changed = _changed(run, appended, touched)
    _project(connection, run, changed, now=now)
    run.news_at = _news_at(connection, run, appended, now)
    appended += _settle(connection, run, now=now)
    if any(entry.kind in mornings.NEWS for entry in appended):
        is_completed = run.folding.completed_at is not None
        at = mornings.reckon(connection, run.stored, run.plan, is_completed=is_completed)
        run.stored = replace(run.stored, brief_at=at)
    return appended


def _news_at(
    connection: Connection, run: LiveRun, appended: Sequence[Entry], now: datetime
) -> datetime | None:
    """Return when news go out: what is appended now, or waited before."""
    kinds = [entry.kind for entry in appended]
    if EntryKind.NEWS_ISSUED in kinds:
        return None
    waits = run.news_at is not None or bool(news.of(appended))
    if not waits and {EntryKind.CHASING_PAUSED, EntryKind.CHASING_RESUMED} & {*kinds}:
        waits = bool(ledger.waiting_news(connection, run.stored.id, news.KINDS))
    return news.next_at(run.folding.state(), now) if waits else None


def _changed(run: LiveRun, entries: Collection[Entry], touched: Collection[str]) -> list[str]:
    """The obligations that entries changed: their own, those of an opened stage, the re-dated."""
    kinds = {entry.kind for entry in entries}
    if kinds & CHANGING_ALL:
        return list(run.plan.obligations)
    named = {entry.obligation for entry in entries if entry.kind in ledger.STATE_KINDS} | {*touched}
    opened = {entry.stage for entry in entries if entry.kind is EntryKind.STAGE_OPENED}
    return [
        key
        for key, obligation in run.plan.obligations.items()
        if key in named or obligation.stage.id in opened
    ]


def _project(connection: Connection, run: LiveRun, keys: list[str], *, now: datetime) -> None:
    issued = notices.keys(connection, run.stored.id, keys)
    obligations.project(
        connection, run.stored.id, (_projected(run, key, issued[key], now) for key in keys)
    )


def _projected(run: LiveRun, key: str, issued: set[NoticeKey], now: datetime) -> Projected:
    state = run.folding.obligations[key]
    return Projected(state, next_wake(run.plan, state, issued=issued, now=now))


def _is_held_back(connection: Connection, run: LiveRun, now: datetime) -> bool:
    """Say whether something will be issued once chasing is resumed."""
    paused = [key for key, one in run.folding.obligations.items() if one.is_paused(now)]
    if not paused:
        return False
    issued = notices.keys(connection, run.stored.id, paused)
    return any(
        is_held_back(run.plan, run.folding.obligations[key], issued=issued[key], now=now)
        for key in paused
    )


def _settle(connection: Connection, run: LiveRun, *, now: datetime) -> list[Entry]:
    """Set when the run next turns by itself; complete it when nothing is left to do."""
    state = run.folding.state()
    completed: list[Entry] = []
    if (
        state.completed_at is None
        and is_finished(run.plan, state)
        and not obligations.has_wakes(connection, run.stored.id)
        and not _is_held_back(connection, run, now)
    ):
        completed.append(Entry(EntryKind.RUN_COMPLETED, now, now, SYSTEM))
        run.folding.take(completed[0])
        ledger.append(connection, run.stored.id, completed)
    state = run.folding.state()
    plans.set_turn(
        connection,
        run.stored.id,
        next_turn_at=next_turn(state, now),
        completed_at=state.completed_at,
        news_at=run.news_at,
    )
    return completed
