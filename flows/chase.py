"""Chase: issue what is due, deliver it, and show it.

Safe to run twice, late, five times at once, or again after a kill: what is due is read
from the database each time, and each notice and message is there only once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import moment, office, showing
from flows.deliver import deliver, named_by_moment
from language.catalogue import text
from services import chasing, delivering
from services.delivering import Delivered
from services.settings import Settings
from storage.outbox import Status


@flow(name="chase", flow_run_name=named_by_moment, persist_result=False)
async def chase(now: datetime | None = None, show: str | None = None) -> State[Any]:
    """Issue the notices that are due, deliver the mail, and show the runs that it touched.

    Args:
        now: for rehearsals; by default the present
        show: a plan run to show anew even if nothing of it is due
    """
    parts = office.parts()
    given, now = now, now or moment.now(parts.settings)
    chased = chasing.issue_notices(parts, now)
    delivering.put_right(parts, now)
    delivered = await deliver(now=given) if delivering.is_mail_due(parts, now) else Delivered()
    touched = {one.run for one in chased} | delivered.runs | ({show} if show else set())
    for run in sorted(touched):
        await showing.show(parts, run, now)
    notices = sum(one.notices for one in chased)
    return Completed(name=f"Issued {notices}", message=_said(notices, delivered, parts.settings))


def _said(notices: int, delivered: Delivered, settings: Settings) -> str:
    """Say how many mails went out, what became of the others, and what ails the mail server."""
    language, counts = settings.language, delivered.counts
    said = [text(language, "chase.done", count=notices, mails=counts[Status.SENT])]
    others = [status for status in Status if counts[status] and status is not Status.SENT]
    if others:
        named = (f"{text(language, f'status.{one.value}')}: {counts[one]}" for one in others)
        said.append(text(language, "chase.others", others="; ".join(named)))
    if delivered.trouble:
        said.append(text(language, "chase.trouble", why=delivered.trouble))
    return " ".join(said)
