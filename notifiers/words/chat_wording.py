"""Chat wording: an escalation in a few lines, for those who read it on a phone."""

from __future__ import annotations

from datetime import timedelta

from language.catalogue import text
from notifiers.digest import Digest, Line
from notifiers.rendering import subject
from notifiers.wire.chat import Announcement
from notifiers.words.shortening import shortened

NAMED = 5  # late bodies that are named
_NAME, _TITLE = 48, 60  # letters


def announcement(digest: Digest) -> Announcement:
    """Word an escalation: the mail's subject, who is late with what since when, where mail went."""
    late = digest.late
    lines = [_late(digest, line) for line in late[:NAMED]]
    if len(late) > NAMED:
        lines.append(text(digest.language, "chat.more", count=len(late) - NAMED))
    lines.append(text(digest.language, "chat.mailed", name=_one_line(digest.recipient.name, _NAME)))
    return Announcement(subject(digest), "\n".join(lines))


def _late(digest: Digest, line: Line) -> str:
    owed, due = line.state.obligation, line.state.due
    values = {
        "name": _one_line(owed.agency.name, _NAME),
        "title": _one_line(owed.task.title, _TITLE),
    }
    if due is None:
        return text(digest.language, "chat.late-undated", **values)
    return text(digest.language, "chat.late", day=due.last_day + timedelta(days=1), **values)


def _one_line(words: str, room: int) -> str:
    return shortened(" ".join(words.split()), room)
