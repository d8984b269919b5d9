"""Returned mail: what the coordinator is told of it, by a mail of its own, once a day.

In office hours, all of a run in one: whose mail came back from where, why, and where it went
instead. Where mail does not reach the coordinator either, the operator is told.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from engine.chasing import is_office_hour
from engine.contacts import addressees
from engine.deadline import start_of
from engine.ledger import Entry, EntryKind
from engine.plan import Plan
from language.catalogue import text
from notifiers.brief import WORD as BRIEF
from notifiers.errors import MessageError
from notifiers.mime.message import Sender
from notifiers.mime.note import Note, envelope
from notifiers.wire.channel import Sent, Session
from services import alarming
from services.alarming import Alarm
from services.wiring import Parts
from storage import addresses, alarms, ledger, plans
from storage.plans import StoredRun

log = logging.getLogger(__name__)

TOLD = "mail-returned-told"
"""The kind of such a mail among those that are sent once in a time."""


def is_due(parts: Parts, now: datetime) -> bool:
    """Say whether a coordinator is to be told of mail that came back, now."""
    return any(_untold(parts, stored, now) for stored in _active(parts))


async def tell(parts: Parts, way: Session, now: datetime) -> int:
    """Tell the coordinators of the runs of which mail came back; return how many were told."""
    told = 0
    for stored in _active(parts):
        entries = _untold(parts, stored, now)
        if entries and await _tell(parts, way, stored, entries, now):
            told += 1
    return told


def _active(parts: Parts) -> list[StoredRun]:
    with parts.database.reading() as connection:
        return plans.all_runs(connection, active_only=True)


def _untold(parts: Parts, stored: StoredRun, now: datetime) -> list[Entry]:
    """Return what came back since the last such mail, if it is time for one."""
    plan = parts.plan(stored.plan_version)
    if not is_office_hour(plan, plan.first_ladder, now):
        return []
    with parts.database.reading() as connection:
        last = alarms.last(connection, TOLD, stored.id)
        if last is not None and last >= _today(plan, now):
            return []
        kinds = {EntryKind.MESSAGE_BOUNCED}
        return ledger.entries(connection, stored.id, kinds=kinds, after=last)


async def _tell(
    parts: Parts, way: Session, stored: StoredRun, entries: Sequence[Entry], now: datetime
) -> bool:
    plan = parts.plan(stored.plan_version)
    quiet = now - _today(plan, now)
    with parts.database.writing() as connection:
        last = alarms.last(connection, TOLD, stored.id)
        if not alarms.claim(parts.database, connection, TOLD, stored.id, now=now, quiet=quiet):
            return False  # another clock was faster
        known = addresses.known(connection)
    coordinator = plan.agencies[plan.coordinator]
    day = now.astimezone(plan.zone).date()
    found = addressees(coordinator, day=day, known=known)
    why = await _send(parts, way, plan, stored, entries, [one.address for one in found], now)
    if not why:
        return True
    with parts.database.writing() as connection:
        alarms.put_back(connection, TOLD, stored.id, last)
    extra = {"action": "returned-mail-untold"}
    log.warning("the coordinator was not told of returned mail: %s", why, extra=extra)
    return False


async def _send(
    parts: Parts,
    way: Session,
    plan: Plan,
    stored: StoredRun,
    entries: Sequence[Entry],
    to: Sequence[str],
    now: datetime,
) -> str:
    """Send it to every address of the coordinator's, or to the operator; return why it failed."""
    if not to:
        return await _tell_operator(parts, way, plan, stored, entries, now)
    why = ""
    for address in to:
        note = Note(
            to=address,
            subject=_words(plan, "subject", number=plan.number, count=len(entries)),
            text=body(plan, entries),
            message_id=f"<returned.{uuid4()}@{parts.settings.sender.rpartition('@')[2]}>",
            at=now.astimezone(plan.zone),
            language=plan.language,
        )
        try:
            ready = envelope(note, sender=Sender("Đôn Đốc", parts.settings.sender))
        except MessageError as error:
            why = str(error)
            continue
        outcome = (await way.send(ready))[address]
        if isinstance(outcome, Sent):
            return ""
        why = outcome.reason
    return why


async def _tell_operator(
    parts: Parts,
    way: Session,
    plan: Plan,
    stored: StoredRun,
    entries: Sequence[Entry],
    now: datetime,
) -> str:
    name = plan.agencies[plan.coordinator].name
    lines = "\n".join(_lines(plan, entries))
    said = _words(plan, "operator", name=name, run=stored.id, lines=lines)
    alarm = Alarm(alarming.MAIL_RETURNED, stored.id, said)
    page = f"dondoc ledger {stored.id}"
    local = now.astimezone(ZoneInfo(parts.settings.time_zone))
    said = await alarming.mail(parts, alarm, way, page=page, now=local)
    log.warning("no mail reaches the coordinator of %s. %s", stored.id, said)
    return ""


def body(plan: Plan, entries: Sequence[Entry]) -> str:
    """Return what the coordinator reads."""
    name = plan.agencies[plan.coordinator].name
    gone = [entry for entry in entries if entry.data["verdict"] == "gone"]
    asked = list(dict.fromkeys(str(entry.data["address"]) for entry in gone))
    parts = [
        _words(plan, "greeting", name=name),
        _words(plan, "opening", number=plan.number, title=plan.title),
        "\n".join(_lines(plan, entries)),
    ]
    if asked:
        commands = "\n".join(_words(plan, "command", address=address) for address in asked)
        nowhere = [one.data for one in gone if _what_follows(one.data) == "nowhere"]
        numbers = " ".join(dict.fromkeys(str(data["again"]) for data in nowhere))
        if numbers:
            commands += "\n" + _words(plan, "command-retry", numbers=numbers)
        parts.append(_words(plan, "asking", commands=commands))
    parts.append(_words(plan, "closing"))
    return "\n\n".join(parts) + "\n"


def _lines(plan: Plan, entries: Sequence[Entry]) -> list[str]:
    return [_line(plan, entry) for entry in entries]


def _line(plan: Plan, entry: Entry) -> str:
    data = entry.data
    return _words(
        plan,
        "line",
        name=plan.agencies[data["recipient"]].name,
        address=data["address"],
        day=_day(plan, entry.happened_at),
        why=data["detail"],
        meaning=_words(plan, data["verdict"]),
        what=_words(plan, _what_follows(data), addresses=", ".join(data["sent_to"])),
    )


def _what_follows(data: Mapping[str, Any]) -> str:
    if data["is_copy"]:
        return "copy"
    if not data["lost"]:
        return "others"
    if data.get("still_tried"):
        return "still-tried"
    if data["sent_to"]:
        return "sent-to"
    if data["kind"] == BRIEF:
        return "brief"
    return "over" if data["again"] is None else "nowhere"


def _day(plan: Plan, at: datetime) -> date:
    return at.astimezone(plan.zone).date()


def _today(plan: Plan, now: datetime) -> datetime:
    return start_of(_day(plan, now), plan.zone)


def _words(plan: Plan, key: str, **values: object) -> str:
    return text(plan.language, f"returned.{key}", **values)
