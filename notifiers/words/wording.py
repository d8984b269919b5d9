"""Wording: a digest said in its language, as a page that text and HTML lay out alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.chasing import Kind
from engine.deadline import FromEvent, NoDate, Within
from notifiers.digest import Digest, Line
from notifiers.letters import enclosed
from notifiers.words import chasers, facts, joint
from notifiers.words import subject as subjects
from notifiers.words.lateness import tables
from notifiers.words.news_wording import news_page, news_section
from notifiers.words.page import Card, Field, Page, Section
from notifiers.words.preview import preview
from notifiers.words.roster import is_listed, roster
from notifiers.words.saying import Saying

_OWN = (Kind.OVERDUE, Kind.RETURNED, Kind.REMIND, Kind.ASSIGN)


def page(digest: Digest) -> Page:
    """Return everything that the mail says, in order."""
    saying = Saying(digest)
    if not digest.lines:
        return news_page(saying, subject=subjects.said(saying))
    lead = next(line for line in digest.lines if line.kind is digest.kind)
    return Page(
        language=digest.language,
        subject=subjects.said(saying),
        preview=preview(saying, lead),
        sender=saying.sender,
        heading=_heading(saying, lead),
        greeting=saying.say("greeting", name=digest.recipient.name),
        basis=_basis(saying),
        opening=_opening(saying),
        sections=tuple(_sections(saying)),
        answer=saying.say("section.answer"),
        answers=tuple(_answers(saying)),
        closing=saying.say("closing"),
        signature=saying.sender,
        automatic=saying.automatic(of_coordinator=is_about_coordinator(digest)),
        tone=digest.kind.word,
        enclosed=enclosed(digest),
    )


def _heading(saying: Saying, lead: Line) -> str:
    if lead.is_joint:
        return saying.say("heading.joint")
    match lead.kind:
        case Kind.REMIND if ending := saying.ending(lead):
            return saying.say(f"heading.remind-{ending}")
        case Kind.OVERDUE:
            return saying.say("heading.overdue", count=lead.chaser)
    manner = "-parent" if saying.to_parent else ""
    return saying.say(f"heading.{lead.kind.word}{manner}")


def _basis(saying: Saying) -> str:
    """Name the plan, and the documents of the events that opened or dated what is spoken of."""
    plan, events = saying.digest.plan, saying.digest.state.events
    said = []
    for name in dict.fromkeys(_events(saying.digest.lines)):
        if name in events and name in plan.events:
            document = saying.document(events[name].document, events[name].happened_at)
            title = plan.events[name].title
            said.append(saying.say("basis-event", document=document, title=title))
    return saying.basis(more="".join(said))


def _events(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        obligation = line.state.obligation
        if obligation.stage.event is not None:
            yield obligation.stage.event
        rule = obligation.task.due.rule
        if isinstance(rule, Within) and isinstance(rule.of, FromEvent):
            yield rule.of.event


# ── What is asked ──


def _opening(saying: Saying) -> str:
    digest = saying.digest
    if digest.kind is Kind.ESCALATE:
        late = [saying.placed(line.state.obligation.agency) for line in digest.late]
        late = list(dict.fromkeys(late))
        return saying.say(
            f"opening.{_reporting(saying)}",
            sender=saying.sender,
            coordinator=saying.coordinator,
            name=digest.recipient.name,
            at=digest.as_of.astimezone(digest.plan.zone),
            count=len(late),
            late=late[0],
            record=chasers.record(saying, digest.late),
        )
    return _asked(saying)


def _reporting(saying: Saying) -> str:
    """Choose who reports to whom: nobody on itself."""
    if saying.to_coordinator:
        return "escalate-own"
    if is_about_coordinator(saying.digest):
        return "escalate-of-coordinator"
    return "escalate-parent" if saying.to_parent else "escalate"


def is_about_coordinator(digest: Digest) -> bool:
    """Whether the coordinator is itself among the late: it does not report on itself."""
    return any(line.state.obligation.agency.id == digest.plan.coordinator for line in digest.late)


def _asked(saying: Saying) -> str:
    """Ask for what the recipient owes: by what it is, and by how often it was asked before."""
    own = saying.digest.own
    if not own:
        return _invited(saying)
    overdue = [line for line in own if line.kind is Kind.OVERDUE]
    if overdue and len(overdue) == len(own) and not saying.to_coordinator:
        return chasers.opening(saying, own)
    return saying.say(
        f"opening.{_manner(saying, overdue)}",
        sender=saying.sender,
        name=saying.digest.recipient.name,
        ask=saying.ask,
        insist=saying.insist,
        count=len(own),
        late=len(overdue),
        today=saying.digest.today,
    )


def _invited(saying: Saying) -> str:
    """Ask to take part in what others lead."""
    return saying.say(
        "opening.joint-self" if saying.to_coordinator else "opening.joint",
        sender=saying.sender,
        name=saying.digest.recipient.name,
        ask=saying.ask,
        count=len(joint.cards(saying, 1)),
    )


def _manner(saying: Saying, overdue: Sequence[Line]) -> str:
    own = saying.digest.own
    firm = "-firm" if _is_to_be_explained(saying) else ""
    if saying.to_coordinator:
        return "self" if len(overdue) < len(own) else f"self-overdue{firm}"
    if len({line.kind for line in own}) > 1:
        return f"mixed-overdue{firm}" if overdue else "mixed"
    kind = own[0].kind
    endings = {saying.ending(line) for line in own}
    if kind is Kind.REMIND and len(endings) == 1 and (ending := endings.pop()):
        return f"remind-{ending}"
    return kind.word


def _is_to_be_explained(saying: Saying) -> bool:
    """Say whether the reason for a delay is asked for."""
    overdue = [line for line in saying.digest.own if line.kind is Kind.OVERDUE]
    return any(chasers.standing(saying, line).is_to_be_explained for line in overdue)


# ── What is owed ──


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
    if digest.joint:
        headed = len(digest.joint) < len(digest.lines)
        yield Section(
            heading=saying.say("section.joint") if headed else "",
            opening=_invited(saying) if headed else "",
            cards=joint.cards(saying, number),
        )
    if digest.news:
        yield news_section(saying)


def _section_heading(saying: Saying, name: str) -> str:
    """Head the recipient's own tasks; after a list of others', whose they are."""
    said = saying.say(f"section.{name}")
    if not saying.digest.late:
        return said
    return saying.say("section.own", name=saying.digest.recipient.name, what=said)


def _groups(lines: Sequence[Line]) -> Iterator[tuple[str, list[Line]]]:
    """Part the recipient's own lines by kind, what the document sets no date for last."""
    undated = [line for line in lines if _belongs_below(line)]
    dated = [line for line in lines if not _belongs_below(line)]
    for kind in _OWN:
        if found := [line for line in dated if line.kind is kind]:
            yield kind.word, found
    if undated:
        yield "undated", undated


def _belongs_below(line: Line) -> bool:
    """Whether a line goes into the compact list: new, and without a date by the document."""
    rule = line.state.obligation.task.due.rule
    return line.kind is Kind.ASSIGN and not line.is_dated and isinstance(rule, NoDate)


def _card(saying: Saying, line: Line, number: int) -> Card:
    further = facts.following(saying, line)
    return _item(saying, line, number, status=_status(saying, line), further=further)


def _item(
    saying: Saying, line: Line, number: int, *, status: str = "", further: Iterable[Field] = ()
) -> Card:
    table = roster(saying, line)
    named = table is None and not is_listed(saying, line)
    return Card(
        number=number,
        title=saying.title(line.state.obligation.task),
        tone=line.kind.word,
        status=status,
        fields=(
            *facts.when(saying, line),
            *facts.came(saying, line),
            *facts.whom(saying, line, with_units=named),
            *further,
        ),
        roster=table,
    )


def _status(saying: Saying, line: Line) -> str:
    """Say how urgent it is, its counts brought up to the day of the mail; not the day itself."""
    match line.kind:
        case Kind.REMIND:
            if ending := saying.ending(line):
                return saying.say(f"status.remind-{ending}")
            return saying.say("status.remind", count=saying.days_left(line))
        case Kind.OVERDUE:
            late, today = saying.days_late(line), saying.digest.today
            number = line.chaser
            return saying.say("status.overdue", number=number, count=late, today=today)
        case Kind.RETURNED:
            return saying.say("status.returned")
    return ""


# ── How to answer ──


def _answers(saying: Saying) -> Iterator[str]:
    digest = saying.digest
    if digest.late and saying.to_coordinator:
        yield saying.say("answer.listed-own")
    elif digest.late:
        manner = "-parent" if saying.to_parent else ""
        yield saying.say(f"answer.listed{manner}")
        yield saying.say(f"answer.direction{manner}", coordinator=saying.coordinator)
    if digest.own:
        yield from _own_answers(saying)
    if digest.joint:
        yield saying.say("answer.joint")
    if digest.own or digest.joint:
        yield from _difficulties(saying)


def _own_answers(saying: Saying) -> Iterator[str]:
    digest = saying.digest
    wanted = list(dict.fromkeys(line.state.obligation.to for line in digest.own))
    if others := [to for to in wanted if to is not None and to != digest.recipient.id]:
        yield saying.say("answer.send", to=saying.names(others))
    undated = "-undated" if all(_belongs_below(line) for line in digest.own) else ""
    if saying.to_coordinator:
        yield saying.say(f"answer.already-own{undated}")
    else:
        if None in wanted or digest.recipient.id in wanted:
            yield saying.say("answer.no-recipient")
        if others:
            yield saying.say(f"answer.already{undated}")
    if _is_to_be_explained(saying):
        yield from _explanation(saying)


def _explanation(saying: Saying) -> Iterator[str]:
    """Say to whom the reason for a delay is written: to who chases, above the coordinator."""
    if not saying.to_coordinator:
        yield saying.say("answer.explain", to=saying.sender)
    elif saying.superior is not None:
        yield saying.say("answer.explain-own", to=saying.superior)


def _difficulties(saying: Saying) -> Iterator[str]:
    """Whom to write to in difficulties: by the plan's roles, to who passes it on further up.

    Who stands under a body below the plan's levels writes to that: a commune to its district.
    """
    digest, superior = saying.digest, saying.superior
    if digest.recipient.id == digest.plan.superior:
        return
    if saying.to_coordinator:
        if superior is not None:
            yield saying.say("answer.difficulties-own", superior=superior)
    elif digest.sender.id != digest.plan.coordinator:
        yield saying.say(
            "answer.difficulties-below", sender=saying.sender, coordinator=saying.coordinator
        )
    elif superior is None:
        yield saying.say("answer.difficulties-last", coordinator=saying.coordinator)
    else:
        yield saying.say("answer.difficulties", coordinator=saying.coordinator, superior=superior)
