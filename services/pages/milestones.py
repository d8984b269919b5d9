"""Milestones: the days of a plan to keep an eye on, each with what it is about.

The page lists them below the strip, for those who cannot see or point at a drawing; the
calendar feed carries them into other calendars.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from engine.chasing import Kind
from engine.rehearsal import start_of_run
from services.pages.days import DAY, Days, day_off, quiet_spells, weeks_of
from services.pages.deadlines import Shared, shared_deadlines
from services.pages.speech import Speech
from services.views.previewing import Preview, gate_text


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something of a day; `key` names it for as long as the plan has it.

    `kind` is `start`, `opens`, `event`, `deadline`, `gate`, `escalation`, `off`, a named day
    off, or `quiet`, the first of the plan's quiet days.
    """

    key: str
    day: date
    kind: str
    summary: str
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dated:
    """A day in words, with its milestones."""

    day: str
    weekday: str
    milestones: tuple[Milestone, ...]


def by_day(shown: Preview, speech: Speech, days: Days) -> list[Dated]:
    """Return every milestone, named day off and quiet spell, in order of time."""
    order = ("start", "off", "quiet", "event", "opens", "deadline", "gate", "escalation")
    found: dict[date, list[Milestone]] = defaultdict(list)
    for one in (*milestones(shown, speech), *_openings(shown, speech), *_events(shown, speech)):
        found[one.day].append(one)
    for one in (*_days_off(shown, speech, days), *_quiet_days(shown, speech, days)):
        found[one.day].append(one)
    return [
        Dated(
            speech.day(day),
            speech.weekday(day),
            tuple(sorted(found[day], key=lambda one: order.index(one.kind))),
        )
        for day in sorted(found)
    ]


def milestones(shown: Preview, speech: Speech) -> Iterator[Milestone]:
    """Yield the start of the plan, every deadline, gate that holds and escalation."""
    yield Milestone(
        key="start",
        day=speech.local(start_of_run(shown.plan, shown.scenario)).date(),
        kind="start",
        summary=speech.say("feed.start", number=shown.plan.number),
        about=(shown.plan.title,),
    )
    yield from _deadlines(shown, speech)
    yield from _gates(shown, speech)
    yield from _escalations(shown, speech)


def _deadlines(shown: Preview, speech: Speech) -> Iterator[Milestone]:
    """Yield each deadline once; one that was returned or extended is named by its agencies."""
    for one in shared_deadlines(shown):
        if one.due is None:
            continue
        names = [state.obligation.agency.name for state in one.states]
        key = f"deadline/{one.stage.id}/{one.task.id}"
        if not one.is_stated:
            key += "/" + "+".join(state.obligation.agency.id for state in one.states)
        yield Milestone(
            key=key,
            day=one.due.last_day,
            kind="deadline",
            summary=speech.say(
                "feed.deadline", task=one.task.title, count=len(names), name=names[0]
            ),
            about=(
                speech.say("feed.deadline-about", day=one.due.last_day),
                speech.say("feed.derivation", steps=" → ".join(speech.derivation(one.due))),
                speech.say("feed.owed-by", names="; ".join(names)),
                *_recipient(one, speech),
            ),
        )


def _recipient(one: Shared, speech: Speech) -> Iterator[str]:
    recipients = dict.fromkeys(state.obligation.to for state in one.states)
    if names := "; ".join(speech.name(to) for to in recipients if to is not None):
        yield speech.say("feed.send-to", name=names)


def _gates(shown: Preview, speech: Speech) -> Iterator[Milestone]:
    for stage in shown.plan.stages:
        state = shown.state.stages[stage.id]
        if state.done_at is None:
            continue
        total = len(shown.plan.gated(stage))
        missing = [shown.plan.obligations[key].agency.name for key in state.missing]
        about = [
            stage.title,
            speech.say("feed.gate-about", gate=gate_text(stage.gate, total, speech.language)),
        ]
        if missing:
            about.append(
                speech.say("feed.gate-missing", count=len(missing), names="; ".join(missing))
            )
        yield Milestone(
            key=f"gate/{stage.id}",
            day=speech.closing_day(state.done_at),
            kind="gate",
            summary=speech.say(
                "feed.gate-with-missing" if missing else "feed.gate",
                stage=speech.stage(stage),
                count=len(missing),
            ),
            about=tuple(about),
        )


def _escalations(shown: Preview, speech: Speech) -> Iterator[Milestone]:
    """Yield one per time and recipient of an escalation, whatever it is about."""
    late: dict[tuple[datetime, str], dict[str, None]] = defaultdict(dict)
    for issued in shown.rehearsal.issued:
        for notice in issued.digest.notices:
            if notice.kind is Kind.ESCALATE:
                who = shown.plan.obligations[notice.obligation].agency.name
                late[speech.local(issued.digest.send_at), issued.digest.recipient][who] = None
    for (at, recipient), found in late.items():
        names = list(found)
        yield Milestone(
            key=f"escalation/{recipient}/{at:%Y%m%dT%H%M}",
            day=at.date(),
            kind="escalation",
            summary=speech.say(
                "feed.escalation",
                name=speech.name(recipient),
                count=len(names),
                late=names[0],
            ),
            about=(speech.say("feed.escalation-about", at=at, names="; ".join(names)),),
        )


def _openings(shown: Preview, speech: Speech) -> Iterator[Milestone]:
    for stage in shown.plan.stages:
        opened_at = shown.state.stages[stage.id].opened_at
        if opened_at is not None:
            yield Milestone(
                key=f"opens/{stage.id}",
                day=speech.local(opened_at).date(),
                kind="opens",
                summary=speech.say("stage-opens", stage=speech.stage(stage)),
            )


def _events(shown: Preview, speech: Speech) -> Iterator[Milestone]:
    for name, known in shown.state.events.items():
        event = shown.plan.events.get(name)
        title = name if event is None else event.title
        words = f"{title} ({known.document})" if known.document else title
        yield Milestone(
            key=f"event/{name}",
            day=speech.local(known.recorded_at).date(),
            kind="event",
            summary=speech.say("event-known", what=words),
        )


def _days_off(shown: Preview, speech: Speech, days: Days) -> Iterator[Milestone]:
    """Yield the named days off of the weeks in which something happens."""
    for week in weeks_of(days):
        for number in range(0 if week.silent else 7):
            day = week.monday + number * DAY
            if name := day_off(shown.plan.calendar, day):
                yield Milestone(
                    key=f"off/{day}", day=day, kind="off", summary=speech.say("off", name=name)
                )


def _quiet_days(shown: Preview, speech: Speech, days: Days) -> Iterator[Milestone]:
    for day, said in quiet_spells(shown, speech, days):
        yield Milestone(key=f"quiet/{day}", day=day, kind="quiet", summary=said)
