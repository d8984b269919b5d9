"""Joint: others' tasks that the recipient takes part in, said once for all who lead them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.deadline import NoDate
from notifiers.digest import Line
from notifiers.words import facts
from notifiers.words.page import Card, Field
from notifiers.words.saying import Saying

LEADS = 30
"""How many of those who lead are named; the rest is counted."""


def cards(saying: Saying, start: int) -> tuple[Card, ...]:
    """Return a card for each task and deadline, numbered from `start` on."""
    alike: dict[object, list[Line]] = {}
    for line in saying.digest.joint:
        obligation, due = line.state.obligation, line.state.due
        last = None if due is None else due.last_day
        alike.setdefault((obligation.stage.id, obligation.task.id, last), []).append(line)
    return tuple(_card(saying, lines, n) for n, lines in enumerate(alike.values(), start))


def _card(saying: Saying, lines: Sequence[Line], number: int) -> Card:
    return Card(
        number=number,
        title=saying.title(lines[0].state.obligation.task),
        tone=lines[0].kind.word,
        status="",
        fields=tuple(_fields(saying, lines)),
    )


def _fields(saying: Saying, lines: Sequence[Line]) -> Iterator[Field]:
    line, recipient = lines[0], saying.digest.recipient.id
    leads = [saying.placed(one.state.obligation.agency) for one in lines]
    named = "; ".join(leads[:LEADS])
    if rest := leads[LEADS:]:
        named = saying.say("value.leads", names=named, count=len(rest))
    yield Field(saying.say("field.lead"), named)
    if line.state.due is None and isinstance(line.state.obligation.task.due.rule, NoDate):
        yield Field(saying.say("field.due"), saying.say("value.no-date"))
    else:
        yield from facts.when(saying, line)
    obligation = line.state.obligation
    wanted = {one.state.obligation.to for one in lines}
    if len(wanted) == 1 and obligation.to is not None:
        yield Field(saying.say("field.lead-to"), saying.name(obligation.to))
    beside = [one for one in obligation.task.partners if one != recipient]
    if beside:
        yield Field(saying.say("field.beside"), saying.names(beside))
    if appendix := "; ".join(ref.text for ref in obligation.task.appendix):
        yield Field(saying.say("field.appendix"), appendix)
    if note := " ".join(obligation.task.note.split()):
        yield Field(saying.say("field.note"), note)
