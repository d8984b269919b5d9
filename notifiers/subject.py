"""Subject: the line that an office sorts by. Short, on one line, most urgent first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.chasing import Kind
from notifiers.digest import Digest, Line
from notifiers.saying import Saying

LONGEST = 110  # characters; a list of mail shows 60 to 100 of them
_SHORTEST_TITLE = 24


def subject(digest: Digest) -> str:
    """Return the subject: the document, what kind of mail, by when, what about."""
    return said(Saying(digest))


def said(saying: Saying) -> str:
    """Say the subject of a digest that is being worded."""
    digest = saying.digest
    lead = next(line for line in digest.lines if line.kind is digest.kind)
    more = _more(saying)
    key, values = _said(saying, lead)
    title = " ".join(lead.state.obligation.task.title.split())
    start = f"[{digest.plan.number}] "
    bare = saying.say(key, title="", **values)
    room = max(LONGEST - len(start) - len(bare) - len(more), _SHORTEST_TITLE)
    whole = start + saying.say(key, title=shortened(title, room), **values) + more
    return shortened(" ".join(whole.split()), LONGEST)


def shortened(words: str, room: int) -> str:
    """Cut at a word so that at most `room` characters are left, the last one an ellipsis."""
    if len(words) <= room:
        return words
    cut = words[: room - 1]
    at_word = cut[: cut.rfind(" ")] if " " in cut[room // 2 :] else cut
    return at_word.rstrip(" ,;:–-") + "…"


def _said(saying: Saying, line: Line) -> tuple[str, dict[str, Any]]:
    due = line.state.due
    kind = f"subject.{line.kind.word}"
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
