"""Stage views: each stage of a run at a glance, and in one line what it waits for."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from engine.graph import gives_way_at
from engine.ledger import ObligationState, RunState, done_on
from engine.plan import Plan, Stage
from language.catalogue import text
from language.dates import day, instant

BLOCKED = "Blocked"
MOST_NAMES = 12  # as many as one line bears; the stage's card names everybody
FEW_NAMES = 4  # where the sentence is about another stage
LONGEST_TITLE = 60  # letters of a stage's title within a sentence


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage at a glance: `name` is what the list of runs shows, `message` says the rest.

    `number` is its place in the plan, from 1; `late` are the agencies that are overdue,
    the longest first.
    """

    id: str
    title: str
    number: int
    name: str
    message: str
    opened_at: datetime | None
    done_at: datetime | None
    closed: int
    total: int
    missing: tuple[str, ...]
    late: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Whether its gate has held."""
        return self.done_at is not None

    @property
    def is_open(self) -> bool:
        """Whether it has opened and its gate does not hold yet."""
        return self.opened_at is not None and self.done_at is None


def all_of(state: RunState, now: datetime) -> tuple[StageView, ...]:
    """Return the view of every stage, in the plan's order."""
    return tuple(
        _view(state, stage, number, now) for number, stage in enumerate(state.plan.stages, 1)
    )


def _view(state: RunState, stage: Stage, number: int, now: datetime) -> StageView:
    gated = [state.obligations[key] for key in state.plan.gated(stage)]
    missing = tuple(one.obligation.agency.id for one in gated if not one.is_closed)
    late = _late(gated, now)
    where = state.stages[stage.id]
    closed, total = len(gated) - len(missing), len(gated)
    if where.done_at is not None:
        name = f"Done {total - len(where.missing)}/{total}"
    elif where.opened_at is not None:
        name = f"Overdue {len(late)}/{total}" if late else f"Waiting {closed}/{total}"
    else:
        name = "Awaiting event" if _lacks_only_event(state, stage) else BLOCKED
    return StageView(
        id=stage.id,
        title=stage.title,
        number=number,
        name=name,
        message=_message(state, stage, now),
        opened_at=where.opened_at,
        done_at=where.done_at,
        closed=closed,
        total=total,
        missing=tuple(dict.fromkeys(missing)),
        late=tuple(dict.fromkeys(one.obligation.agency.id for one in late)),
    )


def _late(gated: list[ObligationState], now: datetime) -> list[ObligationState]:
    late = [one for one in gated if one.is_late(now)]
    return sorted(late, key=lambda one: _last_day(one) or date.max)


def _last_day(one: ObligationState) -> date | None:
    return None if one.due is None else one.due.last_day


def late_since(plan: Plan, one: ObligationState) -> date:
    """Return the first day on which a late obligation was late."""
    assert one.due is not None
    return one.due.late_from.astimezone(plan.zone).date()


def _lacks_only_event(state: RunState, stage: Stage) -> bool:
    return all(state.stages[need].done_at is not None for need in stage.needs)


def _message(state: RunState, stage: Stage, now: datetime) -> str:
    """Say in one line, in the plan's language, what the stage waits for."""
    where = state.stages[stage.id]
    if where.done_at is not None:
        return _how_it_ended(state.plan, where.done_at, where.missing)
    if where.opened_at is None:
        return _why_not_open(state, stage, now)
    said = [*_who_is_missing(state, stage, now)]
    gives_way = gives_way_at(state, stage)
    if gives_way is not None:
        ends = moment_name(state.plan, gives_way)
        said.append(text(state.plan.language, "stage.gives-way", at=ends))
    return " ".join(said)


def _how_it_ended(plan: Plan, done_at: datetime, missing: tuple[str, ...]) -> str:
    ended = moment_name(plan, done_at)
    if not missing:
        return text(plan.language, "stage.done", at=ended)
    agencies = names(plan, [plan.obligations[key].agency.id for key in missing])
    return text(plan.language, "stage.done-missing", at=ended, names=agencies)


def _who_is_missing(
    state: RunState, stage: Stage, now: datetime, *, most: int = MOST_NAMES
) -> Iterator[str]:
    """Say who is missing, since when, and when the next of them is due."""
    plan, language = state.plan, state.plan.language
    gated = [state.obligations[key] for key in plan.gated(stage)]
    missing = [one.obligation.agency.id for one in gated if not one.is_closed]
    late = _late(gated, now)
    count = len(missing)
    yield text(language, "stage.missing", count=count, names=names(plan, missing, most))
    if late:
        yield text(language, "stage.late", count=len(late), since=late_since(plan, late[0]))
    ahead = [
        last
        for one in state.obligations.values()
        if one.obligation.stage.id == stage.id and one.is_open and not one.is_late(now)
        if (last := _last_day(one)) is not None
    ]
    if ahead:
        yield text(language, "stage.deadline", day=min(ahead))


def _why_not_open(state: RunState, stage: Stage, now: datetime) -> str:
    """Say what the stage waits for, and what that in turn waits for, down to people or an event."""
    plan, language = state.plan, state.plan.language
    waits = _undone(state, stage)
    said = []
    if waits:
        stages = ", ".join(called(plan, need) for need in waits)
        said.append(text(language, "stage.needs", stages=stages))
    if stage.event is not None:
        event = plan.events[stage.event]
        known = state.events.get(stage.event)
        key = "stage.event" if known is None else "stage.event-known"
        document = "" if known is None else known.document
        said.append(text(language, key, title=event.title, event=stage.event, document=document))
    for root in _roots(state, stage):
        if state.stages[root.id].opened_at is not None:
            what = " ".join(_who_is_missing(state, root, now, most=FEW_NAMES))
            # Where it is the one stage that is waited for, it has just been named.
            key = "stage.root-same" if waits == [root.id] else "stage.root"
            said.append(text(language, key, stage=root.id, what=what))
        elif root.id != stage.id and root.event is not None:
            title = plan.events[root.event].title
            said.append(text(language, "stage.root-event", stage=root.id, title=title))
    return " ".join(said)


def _undone(state: RunState, stage: Stage) -> list[str]:
    return [need for need in stage.needs if state.stages[need].done_at is None]


def _roots(state: RunState, stage: Stage) -> tuple[Stage, ...]:
    """Return the stages that all of it waits for in the end: open, or lacking only an event."""
    found: dict[str, Stage] = {}
    seen: set[str] = set()
    ahead = [stage]
    while ahead:
        one = ahead.pop(0)
        if one.id in seen:
            continue
        seen.add(one.id)
        undone = _undone(state, one)
        ahead += [state.plan.stage(need) for need in undone]
        if not undone:
            found[one.id] = one
    return tuple(found.values())


def called(plan: Plan, stage: str) -> str:
    """Return a stage by its title and its id: what the document says and what the lists show."""
    title = textwrap.shorten(plan.stage(stage).title, LONGEST_TITLE, placeholder=" …")
    return f"“{title}” ({stage})" if title else stage


def names(plan: Plan, agencies: list[str], most: int = MOST_NAMES) -> str:
    """Return the names of agencies, each once; of many the first, and how many more."""
    found = [plan.agencies[agency].name for agency in dict.fromkeys(agencies)]
    said = ", ".join(found[:most])
    more = len(found) - most
    return said if more <= 0 else text(plan.language, "stage.names-more", names=said, count=more)


def moment_name(plan: Plan, moment: datetime) -> str:
    """Say an instant; 00:00 is the end of the day before (Civil Code 2015, art. 148)."""
    local = moment.astimezone(plan.zone)
    if local.time() == time(0):
        ended = day(plan.language, done_on(moment, plan.zone))
        return text(plan.language, "stage.end-of-day", day=ended)
    return instant(plan.language, local)
