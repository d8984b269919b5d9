"""Living: a scenario through the real use cases, moment by moment, as the flows do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from engine.ledger import EntryKind
from engine.plan import Plan
from engine.rehearsal import Act, Scenario, start_of_run
from plan_definitions import Bundle, load
from services import chasing, recording, runs
from services.errors import Refused
from services.recording import Source
from services.views import previewing, reports
from services.wiring import Parts
from storage import plans
from tests.services.office import deliver

Messages = list[tuple[str, str, str, tuple[str, ...], tuple[str, ...]]]


def live_through(
    parts: Parts, bundle: Bundle, scenario: Scenario, *, mailing: bool = False
) -> Scenario:
    """Start the plan, record what is done, and issue at every moment at which anything is due.

    Acts that are refused are passed over; returns the scenario of those that were taken.
    With `mailing` the mail is delivered too, at the moment at which it was issued.
    """
    plan = load(bundle)
    waiting = sorted(scenario.acts, key=lambda act: act.at)
    taken: list[Act] = []
    now: datetime | None = start_of_run(plan, scenario)
    assert now is not None
    runs.start(parts, bundle, now=now, by="diễn tập")
    while now is not None:
        while waiting and waiting[0].at <= now:
            act = waiting.pop(0)
            if attempt(parts, plan, act):
                taken.append(act)
        if scenario.awake(now) == now:
            chasing.issue_notices(parts, now)
            if mailing:
                deliver(parts, now)
        now = _following(parts, scenario, waiting, now)
    return replace(scenario, acts=tuple(taken))


def _following(
    parts: Parts, scenario: Scenario, waiting: list[Act], now: datetime
) -> datetime | None:
    with parts.database.reading() as connection:
        wake = plans.next_wake(connection)
    moments = [act.at for act in waiting[:1]]
    if wake is not None:
        moments.append(scenario.awake(max(wake, now)))
    following = min(moments, default=None)
    if following is None or (scenario.until is not None and following > scenario.until):
        return None
    assert following > now, "the run would stand still"
    return following


def attempt(parts: Parts, plan: Plan, act: Act) -> bool:
    """Record an act; say whether it was taken."""
    day = act.happened_at.astimezone(plan.zone).date()
    source = Source("diễn tập", act.document, day)
    try:
        _do(parts, plan.id, act, source)
    except Refused:
        return False
    return True


def _do(parts: Parts, run: str, act: Act, source: Source) -> None:
    if act.kind is EntryKind.EVENT_ANNOUNCED:
        assert act.event is not None
        if not recording.announce(
            parts, act.event, source, values=act.data.get("values"), now=act.at
        ).recorded:
            raise Refused("error.plain", message="announced before")
        return
    assert act.obligation is not None
    what: Mapping[str, Any] = {"now": act.at}
    why = {"why": act.data.get("reason", "")}
    match act.kind:
        case EntryKind.SUBMITTED:
            recording.submit(parts, run, act.obligation, source, **what)
        case EntryKind.ACCEPTED:
            recording.accept(parts, run, act.obligation, source, **what)
        case EntryKind.WAIVED:
            recording.waive(parts, run, act.obligation, source, **what, **why)
        case EntryKind.RETURNED:
            days = act.data.get("days")
            recording.send_back(parts, run, act.obligation, source, days=days, **what, **why)
        case EntryKind.EXTENDED:
            until = date.fromisoformat(act.data["until"])
            recording.extend(parts, run, act.obligation, source, until=until, **what, **why)
        case _:
            raise ValueError(act.kind)


def issued(parts: Parts, run: str) -> Messages:
    """Return the messages of a run, without their numbers and what became of them."""
    return [_message(one) for one in reports.messages(parts, run)]


def previewed(plan: Plan, scenario: Scenario | None = None) -> Messages:
    """Return the messages that the preview shows, in the same form."""
    shown = previewing.to_json(previewing.preview(plan, scenario), "vi")
    return [_message(one) for one in shown["messages"]]


def _message(
    one: Mapping[str, Any],
) -> tuple[str, str, str, tuple[str, ...], tuple[str, ...]]:
    rungs, owed = tuple(one["rungs"]), tuple(one["obligations"])
    return (one["send_at"], one["to"], one["kind"], rungs, owed)
