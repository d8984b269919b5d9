"""Keeping: what changes of runs becomes entries, rows and wake-ups, of many by a few statements.

Read, decide purely, write: a `Change` is decided of each run by its fold alone, and
`keep_all` writes any number of them, each table by one statement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from engine import news
from engine.chasing import NoticeKey, is_held_back, next_wake
from engine.graph import SYSTEM, advance, is_finished, next_turn
from engine.ledger import Entry, EntryKind, Folding
from engine.plan import Plan
from services import mornings
from storage import ledger, notices, obligations, plans
from storage.obligations import Projected
from storage.plans import StoredRun

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

NONE_ISSUED: frozenset[NoticeKey] = frozenset()
Issued = Mapping[tuple[str, str], Set[NoticeKey]]
"""What was issued or superseded, by run and obligation."""


@dataclass
class LiveRun:
    """A run loaded for one transaction: its plan, and the fold of its ledger.

    `news_at` is when its news go out that nobody was told of, None where there is none.
    """

    stored: StoredRun
    plan: Plan
    folding: Folding
    news_at: datetime | None = None


@dataclass
class Change:
    """What a transaction changes of one run: decided, folded in, and not written yet.

    `appended` are its entries, in the order of the ledger. `touched` are obligations whose
    wake-up is to be reckoned anew beside those that the entries change; `wakes` are those that
    are known.
    """

    run: LiveRun
    appended: list[Entry] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    wakes: dict[str, datetime | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The id of the run."""
        return self.run.stored.id

    def record(self, entries: Iterable[Entry], now: datetime) -> None:
        """Add entries, and the stages that open and close by them.

        What had turned before they were recorded stands before them in the ledger, noticed
        or not: a return of today takes nobody out of a stage that was done yesterday.
        """
        folding, taken = self.run.folding, list(entries)
        if taken:
            self.appended += advance(folding, now)
        for entry in taken:
            folding.take(entry)
        self.appended += [*taken, *advance(folding, now)]

    def changed(self, now: datetime) -> list[str]:
        """The obligations that it changes: the entries' own, those of an opened stage, the
        re-dated."""
        kinds = {entry.kind for entry in self.appended}
        if kinds & CHANGING_ALL or is_turning(self.run, now):
            return list(self.run.plan.obligations)
        named = {one.obligation for one in self.appended if one.kind in ledger.STATE_KINDS}
        opened = {one.stage for one in self.appended if one.kind is EntryKind.STAGE_OPENED}
        return [
            key
            for key, obligation in self.run.plan.obligations.items()
            if key in named or key in self.touched or obligation.stage.id in opened
        ]

    def reckon(self, issued: Issued, now: datetime) -> None:
        """Reckon when what it changes next wakes, where that is not known."""
        for key in self.changed(now):
            if key not in self.wakes:
                before = issued.get((self.name, key), NONE_ISSUED)
                state = self.run.folding.obligations[key]
                self.wakes[key] = next_wake(self.run.plan, state, issued=before, now=now)

    def waits(self) -> bool:
        """Whether there is news that nobody was told of."""
        if any(entry.kind is EntryKind.NEWS_ISSUED for entry in self.appended):
            return False
        return self.run.news_at is not None or bool(news.of(self.appended))


def is_turning(run: LiveRun, now: datetime) -> bool:
    """Say whether the moment of a run's next turn has come: all of it is gone over then."""
    turn = run.stored.next_turn_at
    return turn is not None and (turn <= now or is_event_unseen(run))


def is_event_unseen(run: LiveRun) -> bool:
    """Say whether an event was recorded in a run, and what follows from it is still to be seen to.

    Recorded in many runs at once, it has only set the moment of their next turn.
    """
    recorded = {event.recorded_at for event in run.folding.events.values()}
    return run.stored.next_turn_at in recorded


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
    first.
    """
    taken = list(entries)
    change = Change(run, touched=set(touched))
    change.record(taken, now)
    change.appended += also
    is_last = is_finished(run.plan, run.folding.state())  # then it may be completed
    about = list(run.plan.obligations) if is_last else change.changed(now)
    known = notices.keys(connection, change.name, about)
    issued = {(change.name, key): found for key, found in known.items()}
    keep_all(connection, [change], issued, now=now)
    mine = set(map(id, taken))
    return [*taken, *(entry for entry in change.appended if id(entry) not in mine)]


def keep_all(
    connection: Connection, changes: Sequence[Change], issued: Issued, *, now: datetime
) -> None:
    """Write what changes of runs; complete those of which nothing is left to do.

    `issued` holds at least what was issued about the obligations that are open.
    """
    if not changes:
        return
    projected = {change.name: _projected(change, issued, now) for change in changes}
    obligations.project(connection, ((run, one) for run, mine in projected.items() for one in mine))
    for change in changes:
        change.run.news_at = _news_at(connection, change, now)
        if ends(change.run, issued, now):
            ended = Entry(EntryKind.RUN_COMPLETED, now, now, SYSTEM)
            change.run.folding.take(ended)
            change.appended.append(ended)
        change.run.stored = _turned(change.run, now)
    ledger.append_all(connection, ((one.name, entry) for one in changes for entry in one.appended))
    plans.set_turns(connection, [change.run.stored for change in changes])
    told = [one for one in changes if any(entry.kind in mornings.BRIEFED for entry in one.appended)]
    briefs = mornings.reckon_all(connection, [(one.run.stored, one.run.plan) for one in told])
    for change in told:
        change.run.stored = replace(change.run.stored, brief_at=briefs[change.name])


def _projected(change: Change, issued: Issued, now: datetime) -> list[Projected]:
    change.reckon(issued, now)
    states = change.run.folding.obligations
    return [Projected(states[key], change.wakes[key]) for key in change.changed(now)]


def _news_at(connection: Connection, change: Change, now: datetime) -> datetime | None:
    """Return when news go out: what is appended now, or waited before."""
    kinds = {entry.kind for entry in change.appended}
    waits = change.waits()
    if not waits and _PAUSING & kinds and EntryKind.NEWS_ISSUED not in kinds:
        # A pause without an end had kept them back.
        waits = bool(ledger.waiting_news(connection, [change.name], news.KINDS)[change.name])
    return news.next_at(change.run.folding.state(), now) if waits else None


_PAUSING = {EntryKind.CHASING_PAUSED, EntryKind.CHASING_RESUMED}


def ends(run: LiveRun, issued: Issued, now: datetime) -> bool:
    """Say whether every stage is done and nothing will be issued, not even after a pause."""
    state = run.folding.state()
    if state.completed_at is not None or not is_finished(run.plan, state):
        return False
    for key, one in run.folding.obligations.items():
        before = issued.get((run.stored.id, key), NONE_ISSUED)
        if next_wake(run.plan, one, issued=before, now=now) is not None:
            return False
        if one.is_paused(now) and is_held_back(run.plan, one, issued=before, now=now):
            return False
    return True


def _turned(run: LiveRun, now: datetime) -> StoredRun:
    """Return a run as it is stored: when it next turns by itself, and whether it is completed."""
    state = run.folding.state()
    return replace(
        run.stored,
        next_turn_at=next_turn(state, now),
        completed_at=state.completed_at,
        news_at=run.news_at,
    )
