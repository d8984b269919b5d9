"""Calendar feed: a preview's deadlines, gates and escalations for calendars (RFC 5545).

All entries are whole days without an alarm: the mails remind, the calendar shows.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import NAMESPACE_URL, uuid5

from engine.chasing import Kind
from services.pages.deadlines import Shared, shared_deadlines
from services.pages.speech import Speech
from services.pages.strip import closing_day
from services.previewing import Preview, gate_text

LINE = 75  # octets, without the line end (RFC 5545 §3.1)


@dataclass(frozen=True, slots=True)
class _Event:
    """A whole day of the calendar; `key` names it for as long as the plan has it."""

    key: str
    day: date
    summary: str
    about: tuple[str, ...]
    category: str


def preview_feed(shown: Preview, language: str) -> str:
    """Return a VCALENDAR with CRLF line ends; the same preview gives the same text.

    DTSTAMP is the day on which the plan was issued, so that no clock is read. The UID of a
    stated deadline or a gate stays when its date or title changes: a calendar moves the entry.
    """
    speech = Speech(shown.plan, language)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//Don Doc//dondoc preview//{language.upper()}",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{escaped(speech.say('feed.name', number=shown.plan.number))}",
        f"X-WR-TIMEZONE:{shown.plan.zone.key}",
    ]
    issued = datetime.combine(shown.plan.issued, time(0), shown.plan.zone).astimezone(UTC)
    events = [*_deadlines(shown, speech), *_gates(shown, speech), *_escalations(shown, speech)]
    for event in sorted(events, key=lambda one: (one.day, one.key)):
        lines += _lines(event, shown.plan.id, f"{issued:%Y%m%dT%H%M%SZ}", language)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded(line)}\r\n" for line in lines)


def escaped(words: str) -> str:
    """Escape a TEXT value (RFC 5545 §3.3.11); what no calendar can show is left out."""
    kept = "".join(sign for sign in words if sign == "\n" or unicodedata.category(sign) != "Cc")
    for sign in ("\\", ";", ","):
        kept = kept.replace(sign, f"\\{sign}")
    return kept.replace("\n", "\\n")


def folded(line: str) -> str:
    """Fold a line at 75 octets (RFC 5545 §3.1), never within a character."""
    parts: list[str] = []
    part, size = "", 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > LINE:
            parts.append(part)
            part, size = " ", 1
        part += letter
        size += octets
    return "\r\n".join([*parts, part])


def _lines(event: _Event, plan: str, stamp: str, language: str) -> Iterator[str]:
    said = f";LANGUAGE={language}"
    yield "BEGIN:VEVENT"
    yield f"UID:{uuid5(NAMESPACE_URL, f'dondoc:{plan}/{event.key}')}"
    yield f"DTSTAMP:{stamp}"
    yield f"DTSTART;VALUE=DATE:{event.day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{event.day + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY{said}:{escaped(event.summary)}"
    yield f"DESCRIPTION{said}:{escaped(chr(10).join(filter(None, event.about)))}"
    yield f"CATEGORIES:{event.category}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _deadlines(shown: Preview, speech: Speech) -> Iterator[_Event]:
    """Yield each deadline once; one that was returned or extended is named by its agencies."""
    for one in shared_deadlines(shown):
        if one.due is None:
            continue
        names = [state.obligation.agency.name for state in one.states]
        key = f"deadline/{one.stage.id}/{one.task.id}"
        if not one.is_stated:
            key += "/" + "+".join(state.obligation.agency.id for state in one.states)
        yield _Event(
            key=key,
            day=one.due.last_day,
            summary=speech.say(
                "feed.deadline", task=one.task.title, count=len(names), name=names[0]
            ),
            about=(
                speech.say("feed.deadline-about", day=one.due.last_day),
                speech.say("feed.derivation", steps=" → ".join(speech.derivation(one.due))),
                speech.say("feed.owed-by", names="; ".join(names)),
                _recipient(one, speech),
            ),
            category="DEADLINE",
        )


def _recipient(one: Shared, speech: Speech) -> str:
    recipients = dict.fromkeys(state.obligation.to for state in one.states)
    names = "; ".join(speech.name(to) for to in recipients if to is not None)
    return speech.say("feed.send-to", name=names) if names else ""


def _gates(shown: Preview, speech: Speech) -> Iterator[_Event]:
    for stage in shown.plan.stages:
        state = shown.state.stages[stage.id]
        if state.done_at is None:
            continue
        total = len(shown.plan.gated(stage))
        missing = [shown.plan.obligations[key].agency.name for key in state.missing]
        yield _Event(
            key=f"gate/{stage.id}",
            day=closing_day(state.done_at, speech),
            summary=speech.say("feed.gate", stage=speech.stage(stage)),
            about=(
                stage.title,
                speech.say("feed.gate-about", gate=gate_text(stage.gate, total, speech.language)),
                speech.say("feed.gate-missing", count=len(missing), names="; ".join(missing))
                if missing
                else "",
            ),
            category="GATE",
        )


def _escalations(shown: Preview, speech: Speech) -> Iterator[_Event]:
    """Yield one event per day and recipient of an escalation, whatever it is about."""
    late: dict[tuple[datetime, str], dict[str, None]] = defaultdict(dict)
    for issued in shown.rehearsal.issued:
        for notice in issued.digest.notices:
            if notice.kind is Kind.ESCALATE:
                who = shown.plan.obligations[notice.obligation].agency.name
                late[speech.local(issued.digest.send_at), issued.digest.recipient][who] = None
    for (at, recipient), found in late.items():
        names = list(found)
        yield _Event(
            key=f"escalation/{recipient}/{at:%Y%m%dT%H%M}",
            day=at.date(),
            summary=speech.say(
                "feed.escalation",
                name=speech.name(recipient),
                count=len(names),
                late=names[0],
            ),
            about=(speech.say("feed.escalation-about", at=at, names="; ".join(names)),),
            category="ESCALATION",
        )
