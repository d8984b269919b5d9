"""Digest: what one recipient gets at one send time, however many obligations it is about."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from engine.chasing import Heard, History, Kind, Notice, coming
from engine.ledger import Entry, ObligationState, RunState
from engine.plan import Agency, Plan
from notifiers.news import Item, gathered
from notifiers.signatory import signatory

DOMAIN = "dondoc.example"


@dataclass(frozen=True, slots=True)
class Told:
    """What was already sent to an agency about an obligation, and on which day."""

    kind: Kind
    on: date


@dataclass(frozen=True, slots=True)
class Line:
    """One obligation in a digest, under the highest kind of its notices.

    `next` is what happens next if nothing is submitted, whoever hears of it;
    `escalation` is the next rung that goes above the agency, `reported` the reports that
    reached those above in this round. `chased` counts the chasers that reached the agency
    before in this round, `is_chased` says that this mail, or one that goes out with it,
    is one more. `told` is what went to the agency that owes it before.
    """

    state: ObligationState
    notices: tuple[Notice, ...]
    kind: Kind
    next: Notice | None = None
    escalation: Notice | None = None
    reported: tuple[Heard, ...] = ()
    chased: int = 0
    is_chased: bool = False
    told: tuple[Told, ...] = ()

    @property
    def notice(self) -> Notice:
        """The notice that the line speaks of: the newest of the highest kind."""
        return max(self.notices, key=lambda notice: (notice.kind, notice.at))

    @property
    def chaser(self) -> int:
        """The number of this chaser: by what reached the agency, whatever its rung is called."""
        return self.chased + 1

    @property
    def next_chaser(self) -> int:
        """The number that the next chaser will have."""
        return self.chased + self.is_chased + 1

    @property
    def is_joint(self) -> bool:
        """Whether the recipient does not owe it, but takes part in it."""
        owes = self.state.obligation.agency.id
        return self.kind is Kind.ASSIGN and self.notice.recipient != owes

    @property
    def is_dated(self) -> bool:
        """Whether the obligation has a deadline."""
        return self.state.due is not None


@dataclass(frozen=True)
class Digest:
    """One mail before it is worded. Instants are aware.

    `send_at` is the slot that it was planned for and names it; `as_of` is the instant
    that its counts of days are true at, later than `send_at` where delivery was late.
    `state` is the run at that instant. It has lines, or news, or both.
    """

    state: RunState
    plan: Plan
    run_id: str
    recipient: Agency
    send_at: datetime
    as_of: datetime
    kind: Kind
    lines: tuple[Line, ...]
    language: str
    message_id: str
    thread_id: str
    news: tuple[Item, ...] = ()

    @property
    def word(self) -> str:
        """The kind of message that it is."""
        return self.kind.word

    @cached_property
    def sender(self) -> Agency:
        """In whose name it goes out, and who gets the answers: see `notifiers.signatory`."""
        late = (line.state.obligation.agency.id for line in self.late)
        return signatory(self.plan, self.recipient, late=late, language=self.language)

    @cached_property
    def today(self) -> date:
        """The day, in the plan's time zone, that the counts of days are true on."""
        return self.as_of.astimezone(self.plan.zone).date()

    @cached_property
    def own(self) -> tuple[Line, ...]:
        """The lines that the recipient owes itself."""
        others = (line for line in self.lines if line.kind is not Kind.ESCALATE)
        return tuple(line for line in others if not line.is_joint)

    @property
    def joint(self) -> tuple[Line, ...]:
        """The lines of others' tasks that the recipient takes part in."""
        return tuple(line for line in self.lines if line.is_joint)

    @cached_property
    def late(self) -> tuple[Line, ...]:
        """The lines that others are late with, reported to the recipient."""
        return tuple(line for line in self.lines if line.kind is Kind.ESCALATE)


def compose(
    state: RunState,
    notices: Sequence[Notice],
    *,
    run_id: str,
    recipient: str,
    send_at: datetime,
    language: str | None = None,
    history: History | None = None,
    as_of: datetime | None = None,
    identifier: str = "",
    news: Sequence[Entry] = (),
) -> Digest:
    """Gather `notices` for `recipient` into one digest, dated obligations first.

    `history` says what was heard of each obligation before: it numbers the chasers, and
    dates what is said to have been reported. `news` are the entries of events and stages
    that it tells besides. `identifier` is the Message-ID that it has already, if it has one.
    `language` None takes the plan's. Raises ValueError with neither
    notices nor news, or with a notice for somebody else; KeyError for a recipient or an
    obligation that the plan does not have.
    """
    if not notices and not news:
        raise ValueError("a digest needs at least one notice")
    for notice in notices:
        if notice.recipient != recipient:
            raise ValueError(f"a notice for {notice.recipient} in a digest for {recipient}")
    moment = as_of or send_at
    identifier = identifier or message_id(run_id, recipient, send_at)
    by_obligation: dict[str, list[Notice]] = {}
    for notice in notices:
        by_obligation.setdefault(notice.obligation, []).append(notice)
    lines = [
        _line(state, key, found, moment, history or {}) for key, found in by_obligation.items()
    ]
    return Digest(
        state=state,
        plan=state.plan,
        run_id=run_id,
        recipient=state.plan.agencies[recipient],
        send_at=send_at,
        as_of=moment,
        kind=max((line.kind for line in lines), default=Kind.EVENT),
        lines=_ordered(state.plan, lines),
        language=language or state.plan.language,
        message_id=identifier,
        thread_id=thread_id(run_id, recipient, domain=domain_of(identifier)),
        news=gathered(state, news),
    )


def _line(
    state: RunState, key: str, notices: Sequence[Notice], moment: datetime, history: History
) -> Line:
    obligation = state.obligations[key]
    kind = max(notice.kind for notice in notices)
    following, escalation = coming(state.plan, obligation, after=moment)
    heard = [one for one in history.get(key, ()) if not one.together]
    now = [one for one in heard if one.round == obligation.round]
    together = (one.kind for one in history.get(key, ()) if one.together)
    return Line(
        state=obligation,
        notices=tuple(notices),
        kind=kind,
        next=following,
        escalation=escalation,
        reported=tuple(one for one in now if one.kind is Kind.ESCALATE),
        chased=sum(one.kind is Kind.OVERDUE for one in now),
        is_chased=Kind.OVERDUE in (kind, *together),
        told=_told(state, heard, obligation),
    )


def _told(state: RunState, heard: Sequence[Heard], obligation: ObligationState) -> tuple[Told, ...]:
    """What went to the agency itself; what went above it, or to a partner, is none of its mail.

    Reminders and chasers are those of the deadline that it has missed now.
    """
    zone, agency = state.plan.zone, obligation.obligation.agency.id
    return tuple(
        Told(one.kind, one.at.astimezone(zone).date())
        for one in sorted(heard, key=lambda one: one.at)
        if (one.kind is Kind.RETURNED or (one.kind is Kind.ASSIGN and one.recipient == agency))
        or (one.kind in (Kind.REMIND, Kind.OVERDUE) and one.round == obligation.round)
    )


def _ordered(plan: Plan, lines: Sequence[Line]) -> tuple[Line, ...]:
    """Highest kind first, within it the nearest deadline, the undated last; then plan order.

    Behind them what the recipient only takes part in.
    """

    def place(line: Line) -> tuple[bool, bool, int, date, int]:
        due = line.state.due
        day = date.max if due is None else due.last_day
        return line.is_joint, due is None, -line.kind, day, plan.positions[line.state.obligation.id]

    return tuple(sorted(lines, key=place))


def message_id(
    run_id: str,
    recipient: str,
    send_at: datetime,
    *,
    part: int = 1,
    domain: str = DOMAIN,
    key: str = "",
) -> str:
    """Return the Message-ID (RFC 5322 §3.6.4) of a digest: the same whenever it is asked for.

    With a `key` nobody can reckon it who does not have that.
    """
    slot = send_at.astimezone(UTC).isoformat()
    return _identifier((run_id, recipient, slot, str(part)), recipient, run_id, domain, key)


def domain_of(identifier: str) -> str:
    """Return the domain of a Message-ID: its thread, and what is sent in its place, keep it."""
    return identifier.rpartition("@")[2].rstrip(">")


def thread_id(run_id: str, recipient: str, *, domain: str = DOMAIN) -> str:
    """Return what all mail of one run to one recipient refers to, so that it threads."""
    return _identifier((run_id, recipient, "thread"), recipient, run_id, domain)


def _identifier(
    parts: tuple[str, ...], recipient: str, run_id: str, domain: str, key: str = ""
) -> str:
    named = "\0".join(parts).encode()
    made = hmac.new(key.encode(), named, "sha256") if key else hashlib.sha256(named)
    prefix = made.hexdigest()[:20]
    return f"<{prefix}.{_atom(recipient)}.{_atom(run_id)}@{domain}>"


def _atom(value: str) -> str:
    """Keep what RFC 5322 §3.2.3 lets stand in an atom; the digest tells apart what this merges."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", value)[:40].strip("-") or "x"
