"""Looking again: what of a message is still true just before it is sent, and where it goes.

Whoever has submitted since is not chased, what a newer rung has outdated is not said any
more, and outside office hours nothing goes out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from engine import news
from engine.chasing import Kind, Notice, at_once, rungs
from engine.contacts import Addressee, Knowledge, addressees, answers_to, why_unreachable
from engine.ledger import Entry, EntryKind, Folding
from engine.plan import Agency, Plan, Role
from notifiers.brief import WORD as BRIEF
from notifiers.digest import Digest, compose
from notifiers.rendering import Mail
from services import briefing, runs
from services.keeping import LiveRun
from services.mail import hearing
from services.wiring import Parts
from storage import addresses, ledger, notices, outbox, recipients
from storage.notices import Told
from storage.outbox import Message, Status
from storage.recipients import SETTLED, Recipient

log = logging.getLogger(__name__)

KEPT = 64  # runs whose fold is kept between looks
Newest = Mapping[tuple[str, int, str], datetime]
"""When the newest rung fell, by obligation, round and recipient."""

PATIENCE = timedelta(minutes=30)
"""For how long what was issued in office hours may still go out after them."""


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours that a mail keeps to: of the ladder of an obligation, without one of news.

    `version` is the stored number of the plan's version.
    """

    version: int
    obligation: str | None


@dataclass(frozen=True, slots=True)
class Ready:
    """A message looked at again: what is still true of it, what is not, and where it goes.

    `paused` is what a pause keeps back; `waits_until` is when offices open again, if it has
    to wait for that. `before` is what became of it at each address so far; `answers_to` the
    address of whom it comes from; `why` what servers said where there is no address left;
    `broken` why it can't be looked at, which keeps no other message waiting; `is_unread` where
    that is since its run can't be read.
    `hours` is None where it keeps to none: a brief goes out when it is asked for.
    """

    message: Message
    mail: Mail | None = None
    outdated: tuple[Notice, ...] = ()
    paused: tuple[Notice, ...] = ()
    addressees: tuple[Addressee, ...] = ()
    before: tuple[Recipient, ...] = ()
    answers_to: str = ""
    waits_until: datetime | None = None
    why: str = ""
    broken: str = ""
    is_unread: bool = False
    hours: Hours | None = None

    @property
    def open_addresses(self) -> tuple[str, ...]:
        """The addresses that it has neither reached nor been refused at."""
        settled = {one.address.lower() for one in self.before if one.fate in SETTLED}
        return tuple(one.address for one in self.addressees if one.address.lower() not in settled)


@dataclass
class _Kept:
    live: LiveRun
    place: int


class Looker:
    """Looks at messages again; keeps the folds of runs, and takes in only what is new."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._kept: dict[str, _Kept] = {}

    def look(self, messages: Sequence[Message], now: datetime) -> list[Ready]:
        """Look at claimed messages, in one snapshot of the database."""
        with self.parts.database.reading() as connection:
            numbers = [message.id for message in messages]
            carried = notices.of_messages(connection, numbers)
            before = recipients.of_messages(connection, numbers)
            known = addresses.known(connection)
            # One snapshot: what is read of a run holds for all its messages.
            runs_of = {message.run for message in messages}
            lives: dict[str, LiveRun | Exception] = {}
            for run in runs_of:
                try:
                    lives[run] = self._live(connection, run)
                except SQLAlchemyError:
                    raise
                except Exception as error:
                    lives[run] = error
            heard = {run: _hear(connection, run, messages, carried) for run in runs_of}
            found = []
            for message in messages:
                try:
                    live = lives[message.run]
                    if isinstance(live, Exception):
                        raise live
                    ready = _look(
                        self.parts,
                        connection,
                        live,
                        message,
                        carried[message.id],
                        now=now,
                        heard=heard[message.run],
                    )
                    ready = _addressed(ready, live.plan, known, before[message.id], now=now)
                except SQLAlchemyError:
                    raise
                except Exception as error:
                    extra = {"action": "mail-failed"}
                    log.exception("message %s can't be looked at", message.id, extra=extra)
                    is_unread = error is lives[message.run] and isinstance(error, runs.UNREADABLE)
                    why = f"{type(error).__name__}: {error}"
                    ready = Ready(message, broken=why, is_unread=is_unread)
                found.append(ready)
        return found

    def _live(self, connection: Connection, run: str) -> LiveRun:
        """Return the run as it stands; of one that is kept only what came since is folded."""
        kept = self._kept.pop(run, None)
        if kept is None:
            live = runs.unfolded(self.parts, connection, run)
            kept = _Kept(live, 0)
        kept.place = _take(connection, run, kept.live.folding, kept.place)
        self._kept[run] = kept  # the last one used stands last
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return kept.live


def opens(parts: Parts, hours: Hours | None, at: datetime) -> datetime:
    """Return `at`, or when offices open after it for a mail that keeps to hours."""
    if hours is None:
        return at
    plan = parts.plan(hours.version)
    key = hours.obligation
    ladder = plan.first_ladder if key is None else plan.obligations[key].ladder
    return at_once(plan, ladder, at)


def as_it_is(parts: Parts, message: Message, now: datetime, *, was_sent: bool) -> Ready:
    """Return a message as it would look now, or as it looked when it was sent, at `now`."""
    with parts.database.reading() as connection:
        live = runs.live(parts, connection, message.run, as_of=now if was_sent else None)
        carried = notices.of_message(connection, message.id)
        if was_sent and message.status is Status.BOUNCED:
            carried = sorted([*carried, *_moved_on(connection, message)], key=lambda one: one.at)
        heard = None
        if not was_sent:
            heard = _hear(connection, message.run, [message], {message.id: carried})
        ready = _look(parts, connection, live, message, carried, now=now, heard=heard)
        before = recipients.of_messages(connection, [message.id])[message.id]
        known = addresses.known(connection)
    ready = _addressed(ready, live.plan, known, before, now=now)
    if was_sent and before:  # where it went, whatever has become of the addresses since
        to = (Addressee(one.address, one.name, Role(one.role), one.is_copy) for one in before)
        ready = replace(ready, addressees=tuple(to))
    return ready


def sent_instead(connection: Connection, message: Message) -> list[int]:
    """Return the numbers of the messages that carry what a message did that came back."""
    if message.status is not Status.BOUNCED:
        return []
    back = ledger.entries(connection, message.run, kinds=[EntryKind.MESSAGE_BOUNCED])
    numbers = (
        one.data.get("again") for one in back if one.data["message_id"] == message.message_id
    )
    return [int(number) for number in numbers if number is not None]


def _moved_on(connection: Connection, message: Message) -> list[Notice]:
    """Return what a message that came back carried, and the one that was sent instead does now."""
    found: list[Notice] = []
    for again in sent_instead(connection, message):
        instead = outbox.find(connection, again)
        found += notices.of_message(connection, again)
        if instead is not None and instead.status is Status.BOUNCED:
            found += _moved_on(connection, instead)
    return found


def _take(connection: Connection, run: str, folding: Folding, place: int) -> int:
    """Fold what was recorded behind `place`; return the last place."""
    last, entries = ledger.states_behind(connection, run, place)
    for entry in entries:
        folding.take(entry)
    return last


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the database knows of what a run's messages are about: read once for all of them.

    `newest` is when the newest rung issued fell; `told` what reached anybody, by obligation.
    """

    newest: Newest
    told: Mapping[str, Sequence[Told]]

    def about(self, carried: Sequence[Notice]) -> list[Told]:
        """Return what reached anybody of what a message carries, of each the oldest first."""
        keys = dict.fromkeys(notice.obligation for notice in carried)
        return [one for key in keys for one in self.told.get(key, ())]


def _hear(
    connection: Connection,
    run: str,
    messages: Sequence[Message],
    carried: Mapping[int, Sequence[Notice]],
) -> _Heard:
    about = {
        notice.obligation
        for message in messages
        if message.run == run
        for notice in carried[message.id]
    }
    told: dict[str, list[Told]] = {}
    for one in notices.told(connection, run, about=about):
        told.setdefault(one.obligation, []).append(one)
    return _Heard(notices.newest(connection, run, sorted(about)), told)


def _look(
    parts: Parts,
    connection: Connection,
    live: LiveRun,
    message: Message,
    carried: Sequence[Notice],
    *,
    now: datetime,
    heard: _Heard | None,
) -> Ready:
    """Look at one message; without `heard`, what is not true any more is kept."""
    all_of_it = heard is None
    if message.kind == BRIEF:  # it carries no notices, and is never pointless
        return Ready(message, briefing.compose(parts, message, now))
    opens = None if all_of_it else _opens(live.plan, message, carried, now)
    told = _news_of(connection, live, message)
    if opens is not None and (told or not carried or not _is_untouched(message)):
        return Ready(message, waits_until=opens)
    state = live.folding.state()
    true = list(carried)
    if heard is not None:
        true = [
            one for one in carried if _still_true(live, one) and not _outdated(one, heard.newest)
        ]
    outdated = tuple(notice for notice in carried if notice not in true)
    paused: tuple[Notice, ...] = ()
    if not all_of_it:
        # What has to wait for the morning goes out then with what falls due by then, in one mail.
        paused = tuple(one for one in true if opens is not None or _is_paused(live, one, now))
        true = [notice for notice in true if notice not in paused]
    if not true and not told:
        return Ready(message, None, outdated, paused)
    digest = compose(
        state,
        true,
        run_id=message.run,
        recipient=message.recipient,
        send_at=message.slot,
        as_of=now,
        identifier=message.message_id,
        history=hearing.before(
            connection,
            message,
            carried,
            now,
            told=None if heard is None else heard.about(carried),
        ),
        news=told,
    )
    first = digest.lines[0].state.obligation.id if digest.lines else None
    hours = Hours(live.stored.plan_version, first)
    return Ready(message, digest, outdated, paused, hours=hours)


def _news_of(connection: Connection, live: LiveRun, message: Message) -> list[Entry]:
    """Return the news that a message tells: only the coordinator is told any."""
    if message.recipient != live.plan.coordinator:
        return []
    return ledger.news_of(connection, message.run, news.KINDS, message_id=message.message_id)


def _opens(
    plan: Plan, message: Message, carried: Sequence[Notice], now: datetime
) -> datetime | None:
    """Return when offices open, where they are closed and the mail is no longer fresh."""
    if now - message.send_at <= PATIENCE:
        return None
    ladder = plan.obligations[carried[0].obligation].ladder if carried else plan.first_ladder
    opens = at_once(plan, ladder, now)
    return None if opens <= now else opens


def _is_untouched(message: Message) -> bool:
    """Say whether a message has certainly reached nobody so far."""
    return message.sent_at is None and message.was is not Status.UNCERTAIN


def _still_true(live: LiveRun, notice: Notice) -> bool:
    ladder = rungs(live.plan, live.folding.obligations[notice.obligation])
    return any(rung.key == notice.key for rung in ladder)


def _outdated(notice: Notice, newest: Newest) -> bool:
    """Say whether a newer rung was issued to the same recipient: this one comes too late."""
    latest = newest.get((notice.obligation, notice.round, notice.recipient), notice.at)
    return latest > notice.at


def _is_paused(live: LiveRun, notice: Notice, now: datetime) -> bool:
    return live.folding.obligations[notice.obligation].is_paused(now)


def _addressed(
    ready: Ready,
    plan: Plan,
    known: Knowledge,
    before: Sequence[Recipient],
    *,
    now: datetime,
) -> Ready:
    """Find the addresses: of who can be reached today, and of who got it already."""
    if ready.mail is None:
        return replace(ready, before=tuple(before))
    agency: Agency = ready.mail.recipient
    day = now.astimezone(plan.zone).date()
    found = addressees(agency, day=day, with_head=is_for_head(ready.mail), known=known)
    return replace(
        ready,
        addressees=found,
        before=tuple(before),
        answers_to=answers_to(ready.mail.sender, day=day, known=known),
        why="" if found else why_unreachable(agency, known),
    )


def is_for_head(mail: Mail) -> bool:
    """Say whether it is a chaser from which on the head is told as well, by the number it has."""
    lines = mail.lines if isinstance(mail, Digest) else ()
    return any(
        line.kind is Kind.OVERDUE
        and (first := line.state.obligation.ladder.overdue.head_from) is not None
        and line.chaser >= first
        for line in lines
    )
