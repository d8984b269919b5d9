"""Days: what happens on which day of a plan, in its time zone: mails, deadlines, stages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from engine.calendar import SATURDAY, CalendarRangeError, WorkingCalendar
from engine.chasing import Kind
from engine.ledger import EntryKind
from services.pages.deadlines import shared_deadlines
from services.pages.speech import Speech
from services.views.previewing import Preview

SILENT_WEEKS = 3
WEEK = timedelta(days=7)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Flag:
    """A day to be marked; `style` is `deadline`, `escalate` or `event`."""

    day: date
    words: str
    style: str


@dataclass(frozen=True, slots=True)
class Span:
    """The days on which a stage is open; `last` None where it never closes."""

    words: str
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class Days:
    """Everything that the strip shows, by day. `received` counts reports that came in."""

    mails: dict[date, Counter[Kind]]
    received: Counter[date]
    flags: tuple[Flag, ...]
    spans: tuple[Span, ...]

    def busy(self) -> set[date]:
        """Return every day on which something happens."""
        edges = {edge for span in self.spans for edge in (span.first, span.last) if edge}
        return {*self.mails, *self.received, *(flag.day for flag in self.flags), *edges}


@dataclass(frozen=True, slots=True)
class Week:
    """A week, named by its Monday; `silent` > 0 stands for so many weeks left out."""

    monday: date
    silent: int = 0

    @property
    def end(self) -> date:
        """The Monday after it."""
        return self.monday + WEEK * (self.silent or 1)


def days_of(shown: Preview, speech: Speech) -> Days:
    """Gather what happens on which day, in the plan's time zone."""
    mails: dict[date, Counter[Kind]] = defaultdict(Counter)
    for issued in shown.rehearsal.issued:
        mails[speech.local(issued.digest.send_at).date()][issued.digest.kind] += 1
    received = Counter(
        speech.local(entry.recorded_at).date()
        for entry in shown.rehearsal.entries
        if entry.kind is EntryKind.SUBMITTED
    )
    flags = (*_deadlines(shown, speech), *_escalations(shown, speech), *_events(shown, speech))
    return Days(
        mails=dict(mails),
        received=received,
        flags=tuple(sorted(flags, key=lambda flag: flag.day)),
        spans=tuple(_spans(shown, speech)),
    )


def _deadlines(shown: Preview, speech: Speech) -> Iterator[Flag]:
    counts: Counter[date] = Counter()
    for one in shared_deadlines(shown):
        if one.due is not None:
            counts[one.due.last_day] += len(one.states)
    for day, count in counts.items():
        yield Flag(
            day, speech.say("flag-deadline", day=speech.brief_day(day), count=count), "deadline"
        )


def _escalations(shown: Preview, speech: Speech) -> Iterator[Flag]:
    told: dict[date, dict[str, None]] = defaultdict(dict)
    for issued in shown.rehearsal.issued:
        if issued.digest.kind is Kind.ESCALATE:
            told[speech.local(issued.digest.send_at).date()][issued.digest.recipient] = None
    for day, recipients in told.items():
        names = ", ".join(speech.short_name(recipient) for recipient in recipients)
        yield Flag(
            day, speech.say("flag-escalate", day=speech.brief_day(day), names=names), "escalate"
        )


def _events(shown: Preview, speech: Speech) -> Iterator[Flag]:
    for name, event in shown.state.events.items():
        day = speech.local(event.recorded_at).date()
        words = event.document or name
        yield Flag(day, speech.say("flag-event", day=speech.brief_day(day), what=words), "event")


def _spans(shown: Preview, speech: Speech) -> Iterator[Span]:
    for stage in shown.plan.stages:
        state = shown.state.stages[stage.id]
        if state.opened_at is not None:
            last = None if state.done_at is None else speech.closing_day(state.done_at)
            yield Span(speech.stage(stage), speech.local(state.opened_at).date(), last)


def weeks_of(days: Days) -> list[Week]:
    """Return the weeks from the first busy day to the last, long silences made one."""
    mondays = {day - timedelta(days=day.weekday()) for day in days.busy()}
    weeks: list[Week] = []
    for monday in sorted(mondays):
        if weeks:
            start = weeks[-1].end
            silent = (monday - start).days // 7
            if silent >= SILENT_WEEKS:
                weeks.append(Week(start, silent))
            else:
                weeks += [Week(start + number * WEEK) for number in range(silent)]
        weeks.append(Week(monday))
    return weeks


def day_off(calendar: WorkingCalendar, day: date) -> str | None:
    """Name a day off; the empty name is a weekend's. None for a day that is worked."""
    try:
        if calendar.is_working(day):
            return None
        named = calendar.day_off(day)
    except CalendarRangeError:
        return "" if day.weekday() >= SATURDAY else None
    return named.name if named else ""


def quiet_spells(shown: Preview, speech: Speech, days: Days) -> Iterator[tuple[date, str]]:
    """Yield the first day of each spell in which nothing is mailed, and words for the spell.

    Only of those in the weeks from the first busy day to the last.
    """
    weeks = weeks_of(days)
    for span in shown.plan.quiet if weeks else ():
        if span.first < weeks[-1].end and span.last >= weeks[0].monday:
            why = speech.say("quiet-why", why=span.why) if span.why else ""
            yield span.first, speech.say("quiet-spell", last=span.last, why=why)
