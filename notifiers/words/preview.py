"""Preview: the line that a list of mail shows beside the subject: what, and by when."""

from __future__ import annotations

from engine.chasing import Kind
from notifiers.digest import Line
from notifiers.words.saying import Saying
from notifiers.words.shortening import shortened

LONGEST = 140  # characters; lists show 40 to 140 of them
_NAMED = 3


def preview(saying: Saying, lead: Line) -> str:
    """Return by when what is owed, or who is late with it; the gravest of the mail first."""
    title = " ".join(lead.state.obligation.task.title.split())
    if lead.kind is Kind.ESCALATE:
        names = [saying.placed(line.state.obligation.agency) for line in saying.digest.late]
        names = list(dict.fromkeys(names))
        said = "; ".join(names[:_NAMED]) + ("…" if len(names) > _NAMED else "")
        said = saying.say("preview.late", names=said, title=title)
    elif lead.state.due is None:
        said = saying.say("preview.undated", title=title)
    elif lead.kind is Kind.OVERDUE:
        late, day = saying.days_late(lead), lead.state.due.last_day
        said = saying.say("preview.overdue", count=late, day=day, title=title)
    else:
        said = saying.say("preview.due", day=lead.state.due.last_day, title=title)
    return shortened(said, LONGEST)
