"""Wording: a digest said in its language, as a page that text and HTML lay out alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.chasing import Kind
from engine.deadline import NoDate
from language.catalogue import text
from notifiers.digest import Digest, Line
from notifiers.lateness import tables
from notifiers.page import Card, Field, Page, Section
from notifiers.saying import Saying
from notifiers.subject import subject

_OWN = (Kind.OVERDUE, Kind.RETURNED, Kind.REMIND, Kind.ASSIGN)
_UNSPOKEN = frozenset({"", "không hạn", "none"})


def page(digest: Digest) -> Page:
    """Return everything that the mail says, in order."""
    saying = Saying(digest)
    plan = digest.plan
    lead = next(line for line in digest.lines if line.kind is digest.kind)
    return Page(
        language=digest.language,
        subject=subject(digest),
        sender=saying.sender,
        heading=_heading(saying, lead),
        greeting=saying.say("greeting", name=digest.recipient.name),
        basis=saying.say(
            "basis", number=plan.number, issued=plan.issued, issuer=saying.issuer, title=plan.title
        ),
        opening=_opening(saying),
        sections=tuple(_sections(saying)),
        answer=saying.say("section.answer"),
        answers=tuple(_answers(saying)),
        closing=saying.say("closing"),
        signature=saying.say("system")
        if saying.to_sender or _is_about_sender(digest)
        else saying.sender,
        automatic=saying.say("automatic", sender=saying.sender),
        tone=digest.kind.word,
    )


def _heading(saying: Saying, lead: Line) -> str:
    manner = "-parent" if saying.to_parent else ""
    return saying.say(f"heading.{lead.kind.word}{manner}", count=lead.chaser)


def _opening(saying: Saying) -> str:
    digest = saying.digest
    if digest.kind is Kind.ESCALATE:
        late = [saying.placed(line.state.obligation.agency) for line in digest.late]
        late = list(dict.fromkeys(late))
        return saying.say(
            f"opening.{_reporting(saying)}",
            sender=saying.sender,
            name=digest.recipient.name,
            at=digest.as_of.astimezone(digest.plan.zone),
            count=len(late),
            late=late[0],
        )
    return saying.say(
        f"opening.{_manner(saying)}",
        sender=saying.sender,
        name=digest.recipient.name,
        count=len(digest.own),
    )


def _reporting(saying: Saying) -> str:
    """Choose who reports to whom: the sender to those above it, never on itself."""
    if saying.to_sender:
        return "escalate-self"
    if _is_about_sender(saying.digest):
        return "escalate-of-sender"
    return "escalate-parent" if saying.to_parent else "escalate"


def _is_about_sender(digest: Digest) -> bool:
    """Whether the sender is itself among the late: it does not report on itself."""
    return any(line.state.obligation.agency.id == digest.plan.coordinator for line in digest.late)


def _manner(saying: Saying) -> str:
    """Choose how firmly to ask: by what is asked, and by how often it was asked before."""
    own = saying.digest.own
    if saying.to_sender:
        return "self"
    if len({line.kind for line in own}) > 1:
        return "mixed"
    match own[0].kind:
        case Kind.REMIND if all(saying.is_last_day(line) for line in own):
            return "remind-today"
        case Kind.OVERDUE if all(line.chaser > 1 for line in own):
            return "overdue-again"
        case kind:
            return kind.word


def _sections(saying: Saying) -> Iterator[Section]:
    digest = saying.digest
    if digest.late:
        yield Section(heading="", tables=tables(saying))
    groups = list(_groups(digest.own))
    also = ""
    if digest.late and digest.own:
        also = saying.say("opening.also", name=digest.recipient.name, count=len(digest.own))
    number = 1
    for name, lines in groups:
        undated = name == "undated"
        headed = len(groups) > 1 or undated or bool(digest.late)
        yield Section(
            heading=_section_heading(saying, name) if headed else "",
            opening=" ".join(filter(None, (also, saying.say("undated") if undated else ""))),
            cards=tuple(
                _item(saying, line, n) if undated else _card(saying, line, n)
                for n, line in enumerate(lines, number)
            ),
            compact=undated,
        )
        also, number = "", number + len(lines)


def _section_heading(saying: Saying, name: str) -> str:
    """Head the recipient's own tasks; after a list of others', whose they are."""
    said = saying.say(f"section.{name}")
    if not saying.digest.late:
        return said
    return saying.say("section.own", name=saying.digest.recipient.name, what=said)


def _groups(lines: Sequence[Line]) -> Iterator[tuple[str, list[Line]]]:
    """Part the recipient's own lines by kind, what the document sets no date for last."""
    undated = [line for line in lines if _belongs_below(line)]
    for kind in _OWN:
        if found := [line for line in lines if line.kind is kind and line not in undated]:
            yield kind.word, found
    if undated:
        yield "undated", undated


def _belongs_below(line: Line) -> bool:
    """Whether a line goes into the compact list: new, and without a date by the document."""
    rule = line.state.obligation.task.due.rule
    return line.kind is Kind.ASSIGN and not line.is_dated and isinstance(rule, NoDate)


def _card(saying: Saying, line: Line, number: int) -> Card:
    return Card(
        number=number,
        title=saying.title(line.state.obligation.task),
        tone=line.kind.word,
        status=_status(saying, line),
        fields=(*_when(saying, line), *_whom(saying, line), *_next(saying, line)),
    )


def _item(saying: Saying, line: Line, number: int) -> Card:
    return Card(
        number=number,
        title=saying.title(line.state.obligation.task),
        tone=line.kind.word,
        status="",
        fields=(*_when(saying, line), *_whom(saying, line)),
    )


def _status(saying: Saying, line: Line) -> str:
    """Say the notice's own reason, its counts brought up to the day of the mail."""
    due, given = line.state.due, line.notice.reason
    key, values = given.key, dict(given.values)
    if due is None and not isinstance(line.state.obligation.task.due.rule, NoDate):
        return saying.say(f"status.{line.kind.word}-not-yet")
    if line.kind is Kind.REMIND and due is not None:
        left = saying.days_left(line)
        if left <= 0 and not saying.is_last_day(line):
            return saying.say("status.due", day=due.last_day)
        key, values["count"] = "notice.remind" if left > 0 else "notice.remind-today", left
    if line.kind is Kind.OVERDUE and due is not None:
        said = saying.say("status.overdue", day=due.last_day, number=line.chaser)
        if late := saying.days_late(line):
            said += " " + saying.say("status.late", today=saying.digest.today, count=late)
        return said
    return text(saying.digest.language, key, **values)


def _field(saying: Saying, name: str, value: str) -> Iterator[Field]:
    if words := " ".join(value.split()):
        yield Field(saying.say(f"field.{name}"), words)


def _when(saying: Saying, line: Line) -> Iterator[Field]:
    """The deadline and why it is that date; without one, the document's own words."""
    state, phrase = line.state, line.state.obligation.task.due
    if state.due is not None:
        yield from _field(saying, "due", saying.say("value.due", day=state.due.last_day))
        yield from _field(saying, "derivation", saying.chain(state))
    elif not isinstance(phrase.rule, NoDate):
        words = saying.say("value.not-yet", phrase=saying.phrase(phrase.text))
        yield from _field(saying, "due", words)
    elif phrase.text not in _UNSPOKEN:
        yield from _field(saying, "phrase", f"“{saying.phrase(phrase.text)}”")
    yield from _field(saying, "returned", state.returned_for)


def _whom(saying: Saying, line: Line) -> Iterator[Field]:
    obligation = line.state.obligation
    task, agency = obligation.task, obligation.agency
    if obligation.to == agency.id:
        yield from _field(saying, "to", saying.say("value.to-self", name=agency.name))
    elif obligation.to is not None:
        yield from _field(saying, "to", saying.name(obligation.to))
    for name, found in (("copies", task.copies), ("partners", task.partners)):
        yield from _field(saying, name, saying.names(one for one in found if one != agency.id))
    if concerning := task.concerning.get(agency.id, ()):
        names = saying.names(concerning)
        said = saying.say("value.concerning", count=len(concerning), names=names)
        yield from _field(saying, "collects" if task.collects else "concerning", said)
    yield from _field(saying, "appendix", "; ".join(ref.text for ref in task.appendix))
    yield from _field(saying, "note", task.note)


def _next(saying: Saying, line: Line) -> Iterator[Field]:
    """What went above already, and what comes next."""
    reported = dict.fromkeys(
        saying.say("value.reported", name=saying.name(one.recipient), day=saying.day_of(one.at))
        for one in line.reported
    )
    to_parent = any(saying.is_parent(one.recipient) for one in line.reported)
    name = "reported-parent" if to_parent else "reported"
    yield from _field(saying, name, "; ".join(reported))
    if line.is_dated:
        steps = saying.steps(line)
        said = saying.say("next.lead", steps=steps) if steps else saying.say("next.none")
        yield from _field(saying, "next", said)


def _answers(saying: Saying) -> Iterator[str]:
    digest = saying.digest
    if digest.late and saying.to_sender:
        yield saying.say("answer.listed-self")
    elif digest.late:
        manner = "-parent" if saying.to_parent else ""
        yield saying.say(f"answer.listed{manner}")
        yield saying.say(f"answer.direction{manner}", coordinator=saying.sender)
    if digest.own:
        yield from _own_answers(saying)


def _own_answers(saying: Saying) -> Iterator[str]:
    recipient = saying.digest.recipient
    wanted = list(dict.fromkeys(line.state.obligation.to for line in saying.digest.own))
    if others := [to for to in wanted if to is not None and to != recipient.id]:
        yield saying.say("answer.send", to=saying.names(others))
    if saying.to_sender:
        yield saying.say("answer.already-self")
    else:
        if None in wanted or recipient.id in wanted:
            yield saying.say("answer.no-recipient")
        if others:
            yield saying.say("answer.already")
    yield from _difficulties(saying)


def _difficulties(saying: Saying) -> Iterator[str]:
    """Whom to write to in difficulties: the plan's closing paragraph says so.

    Who stands under a body below the plan's levels writes to that: a commune to its district.
    """
    coordinator, superior = saying.sender, saying.superior
    if (above := saying.above(saying.digest.recipient)) is not None:
        yield saying.say("answer.difficulties-parent", above=above, coordinator=coordinator)
    elif superior is None:
        if not saying.to_sender:
            yield saying.say("answer.difficulties-coordinator", coordinator=coordinator)
    elif saying.to_sender:
        yield saying.say("answer.difficulties-self", superior=superior)
    elif saying.digest.recipient.id != saying.digest.plan.superior:
        yield saying.say("answer.difficulties", superior=superior, coordinator=coordinator)
