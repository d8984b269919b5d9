"""Chase: issue what is due, deliver it beside that, and show it where it is little.

Safe to run twice, late, several at once, or again after a kill: what is due is read from
the database each time, batch by batch, and each notice and message is there only once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import events, moment, office, showing
from flows.deliver import deliver, named_by_moment
from flows.results import HERE
from flows.workload import FEW, TIME_OF_A_CHASE, Workload
from language.catalogue import text
from services import alarming
from services.settings import Settings
from storage.outbox import Status

BRIEFLY = 60  # seconds of a chase that an operator waits for


@flow(name="chase", flow_run_name=named_by_moment, persist_result=False, result_storage=HERE)
async def chase(
    now: datetime | None = None,
    show: str | None = None,
    seconds: int = int(TIME_OF_A_CHASE.total_seconds()),
) -> State[Any]:
    """Issue the notices that are due, deliver the mail, and show the runs that it touched.

    Of a large morning one run works through batch after batch. More than a few runs are
    not shown here: the clock shows them, the most urgent first.

    Args:
        now: for rehearsals; by default the present
        show: a plan run to show anew even if nothing of it is due
        seconds: how long it may take; what is left is the next chase's
    """
    parts = office.parts()
    settings, logger = parts.settings, get_run_logger()
    work = Workload(
        parts,
        deliver,
        given=now,
        share=timedelta(seconds=seconds),
        told=lambda so_far: logger.info("%s", _progress(so_far, settings)),
    )
    await work.work()
    await events.tell_all(events.unreadable(alarming.newly_unread(parts, moment.wall())))
    touched = work.touched if len(work.touched) <= FEW or now is not None else set()
    for run in sorted(touched | ({show} if show else set())):
        await showing.show(parts, run, now or moment.now(settings))
    return Completed(name=f"Issued {work.notices}", message=_said(work, settings))


def _progress(work: Workload, settings: Settings) -> str:
    return text(
        settings.language, "chase.progress", runs=work.runs, left=work.left, count=work.notices
    )


def _said(work: Workload, settings: Settings) -> str:
    """Say how many mails went out, what became of the others, and what ails the mail server."""
    language, counts = settings.language, work.delivered.counts
    said = [text(language, "chase.done", count=work.notices, mails=counts[Status.SENT])]
    others = [status for status in Status if counts[status] and status is not Status.SENT]
    if others:
        named = (f"{text(language, f'status.{one.value}')}: {counts[one]}" for one in others)
        said.append(text(language, "chase.others", others="; ".join(named)))
    if work.left:
        said.append(text(language, "chase.left", count=work.left))
    if work.delivered.trouble:
        said.append(text(language, "chase.trouble", why=work.delivered.trouble))
    return " ".join(said)
