"""Subject: the line that an office sorts by. Short, on one line, most urgent first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.chasing import Kind
from notifiers.digest import Digest, Line
from notifiers.words.news_wording import headline
from notifiers.words.saying import Saying
from notifiers.words.shortening import shortened

LONGEST = 110  # characters; a list of mail shows 60 to 100 of them
_SHORTEST_TITLE = 24


def subject(digest: Digest) -> str:
    """Return the subject: the document, what kind of mail, by when, what about."""
    return said(Saying(digest))


def said(saying: Saying) -> str:
    """Say the subject of a digest that is being worded."""
    digest = saying.digest
    if digest.lines:
        lead = next(line for line in digest.lines if line.kind is digest.kind)
        key, values = _said(saying, lead)
        title, more = lead.state.obligation.task.title, _more(saying)
    else:
        key, title, values, more = headline(saying)
    title = " ".join(title.split())
    start = f"[{digest.plan.number}] "
    bare = saying.say(key, title="", **values)
    room = max(LONGEST - len(start) - len(bare) - len(more), _SHORTEST_TITLE)
    whole = start + saying.say(key, title=shortened(title, room), **values) + more
    return shortened(" ".join(whole.split()), LONGEST)


def _said(saying: Saying, line: Line) -> tuple[str, dict[str, Any]]:
    due = line.state.due
    kind = f"subject.{'joint' if line.is_joint else line.kind.word}"
    match line.kind:
        case Kind.ESCALATE:
            late = {found.state.obligation.agency.id for found in saying.digest.late}
            manner = "-parent" if saying.to_parent else ""
            values = {"count": len(late), "name": line.state.obligation.agency.name}
            return f"{kind}{manner}", values
        case Kind.ASSIGN | Kind.RETURNED if due is None:
            return f"{kind}-undated", {}
    assert due is not None
    if line.kind is Kind.OVERDUE:
        values = {"count": line.chaser, "day": due.last_day + timedelta(days=1)}
        return kind, values
    if line.kind is not Kind.REMIND:
        return kind, {"day": due.last_day}
    if ending := saying.ending(line):
        return f"{kind}-{ending}", {"day": due.last_day}
    return kind, {"count": saying.days_left(line), "day": due.last_day}


def _more(saying: Saying) -> str:
    """Say how many other tasks the mail is about; the late bodies of one task are one."""
    lines = saying.digest.lines
    tasks = {
        (line.state.obligation.stage.id, line.state.obligation.task.id, line.kind) for line in lines
    }
    return saying.say("subject.more", count=len(tasks) - 1) if len(tasks) > 1 else ""
