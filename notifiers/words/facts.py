"""Facts: what a mail says about one obligation, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.deadline import Deadline, FromStage, NoDate, Within
from engine.ledger import ObligationState, done_on
from notifiers.digest import Line
from notifiers.words.page import Field
from notifiers.words.saying import EXTENDED, Saying

_UNSPOKEN = frozenset({"", "không hạn", "none"})


def when(saying: Saying, line: Line) -> Iterator[Field]:
    """Yield the deadline and why it is that date; without one, the document's own words."""
    state, phrase = line.state, line.state.obligation.task.due
    if state.due is not None:
        changed = state.stated is not None and state.stated.last_day != state.due.last_day
        name = "due-new" if changed else "due"
        yield from _field(saying, name, saying.say("value.due", day=state.due.last_day))
        yield from _derived(saying, state, state.due)
    elif not isinstance(phrase.rule, NoDate):
        words = saying.say("value.not-yet", phrase=saying.phrase(phrase.text))
        yield from _field(saying, "due", words)
    elif phrase.text not in _UNSPOKEN:
        yield from _field(saying, "phrase", f"“{saying.phrase(phrase.text)}”")


def came(saying: Saying, line: Line) -> Iterator[Field]:
    """Yield what has come of it so far: parts, a return, difficulties and their answer."""
    state = line.state
    if (part := state.in_part) is not None:
        document = saying.document(part.document, part.on)
        yield _said(saying, "part", "value.part", count=part.count, document=document)
    yield from _returned(saying, state)
    if state.difficulties:
        one = state.difficulties[-1]
        document = saying.document(one.document, one.since)
        yield _said(saying, "difficulty", "value.difficulty", what=_plain(one.what), on=document)
    if (answer := state.answer) is not None:
        document = saying.document(answer.document, answer.at)
        yield _said(saying, "answer", "value.answer", answer=_plain(answer.answer), on=document)


def whom(saying: Saying, line: Line, *, with_units: bool = True) -> Iterator[Field]:
    """Yield to whom it goes, who takes part, what it is about; `with_units` names its units."""
    obligation = line.state.obligation
    task, agency = obligation.task, obligation.agency
    if obligation.to == agency.id:
        yield _said(saying, "to", "value.to-self", name=agency.name)
    elif obligation.to is not None:
        yield from _field(saying, "to", saying.name(obligation.to))
    for name, found in (("copies", task.copies), ("partners", task.partners)):
        yield from _field(saying, name, saying.names(one for one in found if one != agency.id))
    concerning = task.concerning.get(agency.id, ())
    if concerning and with_units:
        names = saying.names(concerning)
        yield _said(saying, "concerning", "value.concerning", count=len(concerning), names=names)
    yield from _field(saying, "appendix", "; ".join(ref.text for ref in task.appendix))
    yield from _field(saying, "note", task.note)


def following(saying: Saying, line: Line) -> Iterator[Field]:
    """Yield who has heard already that it is late, and what comes next."""
    zone = saying.digest.plan.zone
    reported = dict.fromkeys(
        saying.say(
            "value.reported",
            name=saying.name(notice.recipient),
            day=notice.at.astimezone(zone).date(),
        )
        for notice in line.reported
    )
    yield from _field(saying, "reported", "; ".join(reported))
    if line.is_dated:
        steps = saying.steps(line)
        said = saying.say("next.lead", steps=steps) if steps else saying.say("next.none")
        yield from _field(saying, "next", said)


def _derived(saying: Saying, state: ObligationState, due: Deadline) -> Iterator[Field]:
    """Yield why the deadline is that date, an extension before all."""
    first, *rest = due.derivation
    if first.key != EXTENDED:
        yield from _field(saying, "derivation", saying.chain(state))
        yield from _counted_from(saying, state)
        return
    given = saying.document(str(first.values.get("document") or ""))
    said = saying.say("value.extended-by" if given else "value.extended", document=given)
    if state.stated is not None and state.stated.last_day != due.last_day:
        said += saying.say("value.before", day=state.stated.last_day)
    yield from _field(saying, "extended", said)
    steps = [step for step in rest if step.key != "derivation.last-day"]
    yield from _field(saying, "derivation", " → ".join(map(saying.step, steps)))


def _counted_from(saying: Saying, state: ObligationState) -> Iterator[Field]:
    """Yield that a stage was closed by time, where a deadline is counted from that day."""
    rule = state.obligation.task.due.rule
    if not (isinstance(rule, Within) and isinstance(rule.of, FromStage)):
        return
    plan, stage = saying.digest.plan, saying.digest.state.stages[rule.of.stage]
    gate, counted = plan.stage(rule.of.stage).gate, plan.gated(plan.stage(rule.of.stage))
    closed = len(counted) - len(stage.missing)
    if stage.done_at is not None and closed < gate.needed(len(counted)):
        yield _said(
            saying,
            "counted-from",
            "value.closed-by-time",
            title=plan.titles[rule.of.stage],
            day=done_on(stage.done_at, plan.zone),
            count=len(stage.missing),
        )


def _returned(saying: Saying, state: ObligationState) -> Iterator[Field]:
    """Yield what was returned, by whom, on what day and why."""
    back, obligation = state.returned, state.obligation
    if back is None:
        return
    if back.document or back.dated is not None:
        yield from _field(saying, "returned", saying.document(back.document, back.dated))
    body = obligation.to if obligation.to not in (None, obligation.agency.id) else None
    said = saying.say(
        "value.returned",
        name=saying.coordinator if body is None else saying.name(body),
        on=saying.document(back.letter, back.at),
    )
    yield from _field(saying, "returned-by", said)
    yield from _field(saying, "returned-for", state.returned_for)


def _said(saying: Saying, name: str, key: str, /, **values: Any) -> Field:
    return Field(saying.say(f"field.{name}"), _plain(saying.say(key, **values)))


def _field(saying: Saying, name: str, value: str) -> Iterator[Field]:
    if words := _plain(value):
        yield Field(saying.say(f"field.{name}"), words)


def _plain(words: str) -> str:
    return " ".join(words.split())
