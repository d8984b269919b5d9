"""Board: what a run is waiting for, on whom, until when; for the CLI and the Prefect UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from engine.chasing import Notice, next_rung
from engine.ledger import ObligationState, Outcome, RunState
from engine.plan import Plan
from services import runs
from services.views import stage_views
from services.views.stage_views import StageView
from services.wiring import Parts
from storage import ledger, notices, outbox, recipients, relays
from storage.notices import NoticeStatus, Told
from storage.outbox import Message, Status
from storage.recipients import Recipient
from storage.relays import Relay

ARRIVED = (Status.SENT, Status.CANCELLED)
SOME = 500  # messages whose addresses are read at once


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One obligation as the board shows it; `last_told` is what the agency itself got last."""

    obligation: ObligationState
    outcome: Outcome
    last_told: Told | None
    next: Notice | None

    @property
    def due(self) -> date | None:
        """The last day, if there is a date."""
        return None if self.obligation.due is None else self.obligation.due.last_day


@dataclass(frozen=True, slots=True)
class Escalation:
    """One message to somebody above, and the obligations that it named as late.

    `is_dropped` is one that is not sent any more: taken back, or of no use before it left.
    """

    message: Message
    obligations: tuple[str, ...]
    is_dropped: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """How many obligations were owed, and how they came out; waived ones are not owed."""

    owed: int = 0
    on_time: int = 0
    late: int = 0
    missing: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.owed + other.owed,
            self.on_time + other.on_time,
            self.late + other.late,
            self.missing + other.missing,
        )


@dataclass(frozen=True, slots=True)
class Board:
    """A run as people look at it, as its ledger stands after the entry `seq`.

    `addresses` are where the messages went that a page of mail names; `relay` is the mail
    server, if it is in trouble.
    """

    run: str
    plan: Plan
    state: RunState
    now: datetime
    stages: tuple[StageView, ...]
    rows: tuple[BoardRow, ...]
    told: tuple[Told, ...]
    escalations: tuple[Escalation, ...] = ()
    messages: tuple[Message, ...] = ()
    addresses: Mapping[int, Sequence[Recipient]] = field(default_factory=dict)
    relay: Relay | None = None
    seq: int = 0

    @property
    def late(self) -> tuple[BoardRow, ...]:
        """The rows that are open and overdue, the longest first."""
        rows = [row for row in self.rows if row.obligation.is_late(self.now)]
        return tuple(sorted(rows, key=lambda row: row.due or date.max))

    def tallies(self) -> Mapping[str, Tally]:
        """Count per agency, in the register's order."""
        counted = {agency: Tally() for agency in self.plan.agencies}
        for row in self.rows:
            counted[row.obligation.obligation.agency.id] += _tally(row.outcome)
        return {agency: tally for agency, tally in counted.items() if tally.owed}

    def total(self) -> Tally:
        """Count in all."""
        return sum((_tally(row.outcome) for row in self.rows), Tally())


def _escalation(message: Message, about: Mapping[NoticeStatus, Sequence[str]]) -> Escalation:
    """Return an escalation; one that is not sent after all stays in sight, for its run to end."""
    issued = about.get(NoticeStatus.ISSUED)
    named = issued or about.get(NoticeStatus.DROPPED, ())
    return Escalation(message, tuple(named), is_dropped=not issued)


def read(parts: Parts, run: str, now: datetime, *, as_of: datetime | None = None) -> Board:
    """Return the board of a run at `now`, as the ledger stood at `as_of`."""
    with parts.database.reading() as connection:
        live = runs.live(parts, connection, run, as_of=as_of)
        told = notices.told(connection, run)
        messages = outbox.of_run(connection, run)
        named = notices.escalated(connection, run)
        seq = ledger.places(connection, [run]).get(run, 0)
        addresses = _addresses(connection, messages)
        relay = relays.find(connection, parts.settings.relay)
    if as_of is not None:
        told = [one for one in told if one.sent_at <= as_of]
        messages = [one for one in messages if one.send_at <= as_of]
    seen = of_state(run, live.folding.state(), as_of or now, told)
    escalations = tuple(_escalation(one, named[one.id]) for one in messages if one.id in named)
    return replace(
        seen,
        escalations=escalations,
        messages=tuple(messages),
        addresses=addresses,
        relay=relay if relay.failures else None,
        seq=seq,
    )


def _addresses(connection: Connection, messages: Sequence[Message]) -> dict[int, list[Recipient]]:
    """Return where the last message to each went, and those that did not simply arrive."""
    last = {one.recipient: one.id for one in messages if one.status is Status.SENT}
    others = [one.id for one in messages if one.tries and one.status not in ARRIVED]
    wanted = [*last.values(), *others]
    found: dict[int, list[Recipient]] = {}
    for start in range(0, len(wanted), SOME):
        found |= recipients.of_messages(connection, wanted[start : start + SOME])
    return found


def of_state(run: str, state: RunState, now: datetime, told: list[Told]) -> Board:
    """Return the board of a state."""
    agencies = {key: obligation.agency.id for key, obligation in state.plan.obligations.items()}
    # What those above were told stands on a page of its own.
    last = {one.obligation: one for one in told if one.recipient == agencies[one.obligation]}
    rows = tuple(
        BoardRow(
            obligation=obligation,
            outcome=obligation.outcome(now),
            last_told=last.get(key),
            next=next_rung(state.plan, obligation, after=now),
        )
        for key, obligation in state.obligations.items()
    )
    stages = stage_views.all_of(state, now)
    return Board(run, state.plan, state, now, stages, rows, tuple(told))


def _tally(outcome: Outcome) -> Tally:
    match outcome:
        case Outcome.WAIVED:
            return Tally()
        case Outcome.ON_TIME:
            return Tally(owed=1, on_time=1)
        case Outcome.LATE:
            return Tally(owed=1, late=1)
        case _:
            return Tally(owed=1, missing=1)


def summary(board: Board) -> dict[str, Any]:
    """Return `summary.json`: per agency and in all, and when each stage opened and closed."""

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else moment.astimezone(board.plan.zone).isoformat()

    return {
        "plan": board.plan.id,
        "run": board.run,
        "as_of": at(board.now),
        "all": asdict(board.total()),
        "agencies": {agency: asdict(tally) for agency, tally in board.tallies().items()},
        "stages": [
            {
                "id": stage.id,
                "state": stage.name,
                "opened": at(stage.opened_at),
                "done": at(stage.done_at),
                "closed": stage.closed,
                "total": stage.total,
                "missing": list(board.state.stages[stage.id].missing),
            }
            for stage in board.stages
        ],
        "events": {
            name: {
                "document": event.document,
                "date": event.happened_at.astimezone(board.plan.zone).date().isoformat(),
                "recorded_at": at(event.recorded_at),
            }
            for name, event in board.state.events.items()
        },
    }
