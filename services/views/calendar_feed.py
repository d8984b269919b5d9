"""Calendar feed: a preview's deadlines, gates and escalations for calendars (RFC 5545).

All entries are whole days without an alarm: the mails remind, the calendar shows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from uuid import NAMESPACE_URL, uuid5

from services.pages.milestones import Milestone, milestones
from services.pages.speech import Speech
from services.views.previewing import Preview

LINE = 75  # octets, without the line end (RFC 5545 §3.1)


def preview_feed(shown: Preview, language: str) -> str:
    """Return a VCALENDAR with CRLF line ends; the same preview gives the same text.

    DTSTAMP is the day on which the plan was issued, so that no clock is read. The UID of a
    stated deadline or a gate stays when its date or title changes: a calendar moves the entry.
    The start of the plan is always there: a calendar without entries is none (§3.6).
    """
    speech = Speech(shown.plan, language)
    name = speech.say("feed.name", number=shown.plan.number)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//Don Doc//dondoc preview//{language.upper()}",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{escaped(name)}",  # RFC 7986; the next line is what most programs read
        f"X-WR-CALNAME:{escaped(name)}",
        f"X-WR-CALDESC:{escaped(shown.plan.title)}",
        f"X-WR-TIMEZONE:{shown.plan.zone.key}",
    ]
    issued = datetime.combine(shown.plan.issued, time(0), shown.plan.zone).astimezone(UTC)
    for event in sorted(milestones(shown, speech), key=lambda one: (one.day, one.key)):
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


def _lines(event: Milestone, plan: str, stamp: str, language: str) -> Iterator[str]:
    said = f";LANGUAGE={language}"
    yield "BEGIN:VEVENT"
    yield f"UID:{uuid5(NAMESPACE_URL, f'dondoc:{plan}/{event.key}')}"
    yield f"DTSTAMP:{stamp}"
    yield f"LAST-MODIFIED:{stamp}"
    yield "SEQUENCE:0"
    yield f"DTSTART;VALUE=DATE:{event.day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{event.day + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY{said}:{escaped(event.summary)}"
    if event.about:
        yield f"DESCRIPTION{said}:{escaped(chr(10).join(event.about))}"
    yield f"CATEGORIES:{event.kind.upper()}"
    yield "STATUS:CONFIRMED"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"
