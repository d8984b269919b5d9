"""News wording: events and stages said in the mail's language, a section or a mail of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engine.plan import Agency
from notifiers.news import Announced, Closed, Item, Opened, Owed
from notifiers.words.page import Page, Section, Story
from notifiers.words.saying import Saying
from notifiers.words.shortening import shortened

LONGEST = 140  # characters of what a list of mail shows beside the subject
NAMES = 10
"""How many missing agencies are named; the rest is counted."""


def news_page(saying: Saying, *, subject: str) -> Page:
    """Return everything that a mail of news alone says, in order."""
    digest, stories = saying.digest, _stories(saying)
    return Page(
        language=digest.language,
        subject=subject,
        preview=shortened("; ".join(story.title for story in stories), LONGEST),
        sender=saying.sender,
        heading=_say(saying, "heading"),
        greeting=saying.say("greeting", name=digest.recipient.name),
        basis=saying.basis(),
        opening=_say(saying, "opening", name=digest.recipient.name),
        sections=(Section(heading="", stories=stories),),
        answer=saying.say("section.answer"),
        answers=(_say(saying, "answer"),),
        closing=saying.say("closing"),
        signature=saying.sender,
        automatic=saying.automatic(),
        tone="assign",
    )


def news_section(saying: Saying) -> Section:
    """Return the news as a part of a mail about something else."""
    return Section(heading=_say(saying, "section"), stories=_stories(saying))


def headline(saying: Saying) -> tuple[str, str, dict[str, Any], str]:
    """Return what a subject says: its key, title and values, and how many other news there are.

    It is about the stage that opened, or else the first news.
    """
    items = saying.digest.news
    lead = next((item for item in items if isinstance(item, Opened)), items[0])
    more = _say(saying, "subject.more", count=len(items) - 1) if len(items) > 1 else ""
    key, title, values = _subject(lead)
    return f"news.{key}", title, values, more


def _subject(lead: Item) -> tuple[str, str, dict[str, Any]]:
    match lead:
        case Announced():
            return "subject.event", lead.title, {}
        case Opened():
            return "subject.opened", lead.stage.title, {"number": lead.number}
        case Closed():
            key = "subject.closed" if lead.still_missing else "subject.done"
            values = {"number": lead.number, "missing": lead.still_missing}
            return key, lead.stage.title, values


def _say(saying: Saying, key: str, /, **values: Any) -> str:
    return saying.say(f"news.{key}", **values)


def _stories(saying: Saying) -> tuple[Story, ...]:
    return tuple(_story(saying, item) for item in saying.digest.news)


def _story(saying: Saying, item: Item) -> Story:
    match item:
        case Announced():
            title = _say(saying, "event.title", title=item.title)
            return Story(title, (_event(saying, item),))
        case Opened():
            title = _say(saying, "opened.title", number=item.number, title=item.stage.title)
            return Story(title, (_why(saying, item), *(_owed(saying, one) for one in item.owed)))
        case Closed():
            key = "closed.title" if item.still_missing else "done.title"
            title = _say(saying, key, number=item.number, title=item.stage.title)
            return Story(title, tuple(_counts(saying, item)))


def _event(saying: Saying, item: Announced) -> str:
    at = item.at.astimezone(saying.digest.plan.zone)
    key = "event.document" if item.document else "event.bare"
    document = saying.document(item.document, item.on)
    return _say(saying, key, document=document, day=item.on, at=at)


def _why(saying: Saying, item: Opened) -> str:
    said = [
        _say(saying, "opened.after", number=one.number, title=one.title, day=one.on)
        for one in item.after
    ]
    if (event := item.event) is not None:
        key = "opened.event" if event.document else "opened.event-bare"
        document = saying.document(event.document, event.on)
        said.append(_say(saying, key, title=event.title, document=document, day=event.on))
    at = item.at.astimezone(saying.digest.plan.zone)
    if not said:
        return _say(saying, "opened.start", at=at)
    return _say(saying, "opened.why", at=at, why="; ".join(said))


def _owed(saying: Saying, owed: Owed) -> str:
    return _say(
        saying,
        "owed.line",
        title=saying.title(owed.task),
        who=_agencies(saying, owed.agencies),
        due=_due(saying, owed),
    )


def _agencies(saying: Saying, agencies: Sequence[Agency]) -> str:
    if len(agencies) == 1:
        return agencies[0].name
    return _say(saying, "owed.agencies", count=len(agencies))


def _due(saying: Saying, owed: Owed) -> str:
    if not owed.days:
        return _say(saying, "owed.undated" if owed.is_undated else "owed.not-yet")
    first, last = owed.days[0], owed.days[-1]
    key = "owed.due" if first == last else "owed.between"
    said = _say(saying, key, first=first, last=last)
    return _say(saying, "owed.passed", due=said) if last < saying.digest.today else said


def _counts(saying: Saying, item: Closed) -> Iterator[str]:
    how = "gave-way" if item.gave_way else "quorum" if item.still_missing else "all"
    counts = {"closed": item.closed, "total": item.total, "needed": item.needed}
    yield _say(saying, f"closed.{how}", day=item.on, **counts)
    submitted = item.closed - item.waived
    said = [_say(saying, "closed.submitted", count=submitted)]
    said += [_say(saying, "closed.waived", count=item.waived)] if item.waived else []
    said += [_say(saying, "closed.missing", count=item.still_missing)] if item.still_missing else []
    if len(said) > 1:
        yield _say(saying, "closed.counts", counts="; ".join(said))
    if item.missing:
        names = [saying.placed(agency) for agency in item.missing[:NAMES]]
        if (rest := len(item.missing) - NAMES) > 0:
            names.append(_say(saying, "closed.others", count=rest))
        yield _say(saying, "closed.names", names="; ".join(names))
