"""Chase: issue what is due, escalate, deliver, and show it.

Safe to run twice, late, five times at once, or again after a kill: what is due is read
from the database each time, and each notice and message is there only once.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from prefect import flow, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import artifacts, moment, office, showing
from flows.deliver import deliver
from language.catalogue import text
from services import board, chasing, delivering
from services.wiring import Parts
from storage import outbox


def _name() -> str:
    """Name a run by the time that it is for: `chase 2020-05-11 08:00`."""
    parameters = runtime.flow_run.parameters
    settings = office.parts().settings
    now = (parameters.get("now") or moment.now(settings)).astimezone(ZoneInfo(settings.time_zone))
    what = [runtime.flow_run.flow_name, parameters.get("run"), f"{now:%Y-%m-%d %H:%M}"]
    return " ".join(str(part) for part in what if part)


@flow(name="chase", flow_run_name=_name, persist_result=False)
async def chase(now: datetime | None = None, show: str | None = None) -> State[Any]:
    """Issue the notices that are due, escalate, deliver the mail, and show the stages.

    Args:
        now: for rehearsals; by default the present
        show: a plan run to show anew even if nothing of it is due
    """
    parts = office.parts()
    now = now or moment.now(parts.settings)
    chased = chasing.issue_notices(parts, now)
    for run, messages in _escalations(parts, now).items():
        await escalate(run=run, messages=messages, now=now)
    delivered = await deliver(now=now) if delivering.is_mail_due(parts, now) else 0
    touched = {one.run for one in chased} | {show} - {None}
    for run in sorted(name for name in touched if name is not None):
        await showing.show(parts, run, now)
    notices = sum(one.notices for one in chased)
    said = text(parts.settings.language, "chase.done", count=notices, mails=delivered)
    return Completed(name=f"Issued {notices}", message=said)


@flow(name="escalate", flow_run_name=_name, persist_result=False)
async def escalate(run: str, messages: list[int], now: datetime | None = None) -> State[Any]:
    """Tell those above who is late: one message each, listing everyone.

    Args:
        run: the plan run
        messages: the numbers of the escalations in the outbox
        now: for rehearsals; by default the present
    """
    parts = office.parts()
    now = now or moment.now(parts.settings)
    async with delivering.session(parts) as way:
        delivered = await delivering.deliver(parts, way, now, only=messages)
    seen = board.read(parts, run, now)
    async with get_client() as client:
        await artifacts.publish_escalations(client, seen)
    told = sorted({_recipient(parts, seen, message) for message in messages})
    said = text(
        seen.plan.language,
        "escalate.done",
        count=len(seen.late),
        names=", ".join(dict.fromkeys(_late_names(seen))),
        told=", ".join(told),
        mails=delivered.total,
    )
    return Completed(name=f"Escalated {len(seen.late)}", message=said)


def _escalations(parts: Parts, now: datetime) -> dict[str, list[int]]:
    waiting: dict[str, list[int]] = defaultdict(list)
    with parts.database.reading() as connection:
        for run, message in outbox.escalations_waiting(connection, now):
            waiting[run].append(message)
    return waiting


def _recipient(parts: Parts, seen: board.Board, message: int) -> str:
    with parts.database.reading() as connection:
        found = outbox.find(connection, message)
    return "" if found is None else seen.plan.agencies[found.recipient].name


def _late_names(seen: board.Board) -> list[str]:
    return [row.obligation.obligation.agency.name for row in seen.late]
