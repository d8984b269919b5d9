"""Alarming: what an alarm says to the operator, whether it still holds, and its mail.

An alarm looks again before it is raised: a clock that beats again and a mail that was
sent again alarm nobody. The mail goes the way of all mail, once an hour about one thing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from language.catalogue import text
from notifiers.errors import MessageError
from notifiers.mime.message import Sender
from notifiers.mime.note import Note, envelope
from notifiers.wire.channel import Outcome, Sent, Session
from services import runs
from services.errors import one_line
from services.wiring import Parts
from storage import alarms, clocks, outbox, plans
from storage.clocks import Beat
from storage.outbox import Message

log = logging.getLogger(__name__)

CLOCK_SILENT = "clock-silent"
FLOW_CRASHED = "flow-crashed"
MAIL_UNDELIVERABLE = "mail-undeliverable"
MAIL_RETURNED = "mail-returned"
RUN_UNREADABLE = "run-unreadable"
KINDS = (CLOCK_SILENT, FLOW_CRASHED, MAIL_UNDELIVERABLE, MAIL_RETURNED, RUN_UNREADABLE)

SILENT_AFTER = timedelta(minutes=3)  # three beats, as the automation `clock-silent` has it
QUIET = timedelta(hours=1)  # between two mails about one thing
LATER = timedelta(seconds=5)  # a beat is kept, then told: this much later it is another one
NAMED = 5  # messages, or runs, that a sentence lists
UNREAD_TOLD = "run-unreadable-told"
"""The kind of an alarm about a run among those that are raised once in a time."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the operator is told, about what; `is_over` where the cause has gone already."""

    kind: str
    subject: str
    said: str
    is_over: bool = False


def clock_silent(parts: Parts, name: str, heard: datetime, now: datetime) -> Alarm:
    """Say that a clock has not been heard since `heard`, if the database has no later beat."""
    with parts.database.reading() as connection:
        known, mine = clocks.known(connection), clocks.find(connection, name)
    since = max(heard, mine.beat_at) if mine else heard
    at = _local(parts, since)
    if mine is not None and mine.stopped_at is not None:
        ended = _local(parts, mine.stopped_at)
        key = "alarm.clock-stopped"
        return _alarm(parts, CLOCK_SILENT, key, is_over=True, subject=name, at=ended)
    if mine is not None and mine.beat_at > heard + LATER and beats(mine, now):
        return _alarm(parts, CLOCK_SILENT, "alarm.clock-back", is_over=True, subject=name, at=at)
    others = [one.name for one in known if one.name != name and beats(one, now)]
    key = "alarm.clock-silent-covered" if others else "alarm.clock-silent"
    return _alarm(parts, CLOCK_SILENT, key, subject=name, at=at, others=others)


def beats(clock: Beat, now: datetime) -> bool:
    """Say whether a clock runs, by its last sign of life."""
    return clock.stopped_at is None and now - clock.beat_at < SILENT_AFTER


def flow_crashed(
    parts: Parts, flow: str, *, name: str, detail: str, page: str, at: datetime
) -> Alarm:
    """Say that a run of a flow ended with an error; `flow` is what mails are counted by."""
    values = {"name": name, "detail": detail.rstrip(". "), "page": page}
    said = text(parts.settings.language, "alarm.flow-crashed", at=_local(parts, at), **values)
    return Alarm(FLOW_CRASHED, flow, said)


def mail_undeliverable(parts: Parts, run: str, numbers: list[int]) -> Alarm:
    """Say which mails of a run can't be delivered, to whom and why; not those sent since."""
    with parts.database.reading() as connection:
        found = [one for number in numbers if (one := outbox.find(connection, number))]
        stored = plans.find_run(connection, run)
    given_up = [one for one in found if one.status.value in outbox.GIVEN_UP]
    if not given_up:
        return _alarm(parts, MAIL_UNDELIVERABLE, "alarm.mail-delivered", is_over=True, subject=run)
    agencies = parts.plan(stored.plan_version).agencies if stored else {}

    def named(message: Message) -> str:
        agency = agencies.get(message.recipient)
        name = agency.name if agency else message.recipient
        return text(parts.settings.language, "alarm.why", name=name, why=message.error)

    names = "; ".join(named(one) for one in given_up[:NAMED])
    return _alarm(
        parts,
        MAIL_UNDELIVERABLE,
        "alarm.mail-undeliverable",
        subject=run,
        count=len(given_up),
        names=names + (" …" if len(given_up) > NAMED else ""),
        number=given_up[0].id,
    )


def newly_unread(parts: Parts, now: datetime) -> dict[str, str]:
    """Return the runs that could not be read, and why: each once in `QUIET`, whoever met it."""
    met = dict(parts.unread)
    if not met:
        return {}
    parts.unread.clear()
    with parts.database.writing() as connection:
        return {
            run: why
            for run, why in sorted(met.items())
            if alarms.claim(parts.database, connection, UNREAD_TOLD, run, now=now, quiet=QUIET)
        }


def run_unreadable(parts: Parts, names: list[str], count: int) -> Alarm:
    """Say which of these runs can't be read, of `count` in all; over where all of them can be."""
    unread: dict[str, str] = {}
    with parts.database.reading() as connection:
        for run in names:
            try:
                runs.live(parts, connection, run)
            except runs.UNREADABLE as error:
                unread[run] = one_line(error)
    language = parts.settings.language
    if names and not unread:
        return Alarm(RUN_UNREADABLE, "runs", text(language, "alarm.run-readable"), is_over=True)
    named = [text(language, "alarm.why", name=run, why=why) for run, why in unread.items()][:NAMED]
    count = max(count, len(unread))
    listed = "; ".join(named) + (" …" if count > len(named) else "")
    return Alarm(
        RUN_UNREADABLE,
        "runs",
        text(language, "alarm.run-unreadable", count=count, names=listed),
    )


def other(parts: Parts, kind: str, subject: str, detail: str) -> Alarm:
    """Say what another program's automation has to say."""
    said = text(
        parts.settings.language, "alarm.other", kind=kind, subject=subject, detail=detail or "…"
    )
    return Alarm(kind, subject, said)


async def mail(parts: Parts, alarm: Alarm, way: Session, *, page: str, now: datetime) -> str:
    """Mail an alarm to the operator, if there is one; say what became of it, in a sentence."""
    settings = parts.settings
    if not settings.operator:
        return ""
    with parts.database.writing() as connection:
        may = alarms.claim(
            parts.database, connection, alarm.kind, alarm.subject, now=now, quiet=QUIET
        )
    if not may:
        return text(settings.language, "alarm.mailed-before", operator=settings.operator)
    why = await _send(parts, alarm, way, page, now)
    if not why:
        return text(settings.language, "alarm.mailed", operator=settings.operator)
    with parts.database.writing() as connection:
        alarms.release(connection, alarm.kind, alarm.subject)
    log.warning("the operator was not told: %s", why, extra={"action": "alarm-not-mailed"})
    return text(settings.language, "alarm.not-mailed", operator=settings.operator, why=why)


async def _send(parts: Parts, alarm: Alarm, way: Session, page: str, now: datetime) -> str:
    """Send the alarm's mail; return why it was not taken, or nothing."""
    settings = parts.settings
    what = alarm.kind if alarm.kind in KINDS else "other"
    subject = text(settings.language, f"alarm-what.{what}")
    note = Note(
        to=settings.operator,
        subject=text(settings.language, "alarm.subject", what=subject),
        text=text(settings.language, "alarm.body", said=alarm.said, page=page),
        message_id=f"<alarm.{uuid4()}@{settings.sender.rpartition('@')[2]}>",
        at=_local(parts, now),
        language=settings.language,
    )
    try:
        ready = envelope(note, sender=Sender("Đôn Đốc", settings.sender))
    except MessageError as error:
        return str(error)
    outcome: Outcome = (await way.send(ready))[settings.operator]
    return "" if isinstance(outcome, Sent) else outcome.reason


def _alarm(parts: Parts, kind: str, key: str, *, is_over: bool = False, **values: object) -> Alarm:
    said = text(parts.settings.language, key, **values)
    return Alarm(kind, str(values["subject"]), said, is_over)


def _local(parts: Parts, at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(parts.settings.time_zone))
