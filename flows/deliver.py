"""Deliver: drain the outbox through the mail server, or into the local mailbox."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from prefect import flow, runtime

from flows import events, moment, office
from flows.results import HERE
from services.mail import announcing, delivering
from services.mail.delivering import Delivered


def named_by_moment() -> str:
    """Name a run by its flow and the time that it is for: `chase 2020-05-11 08:00`."""
    settings = office.parts().settings
    now = runtime.flow_run.parameters.get("now") or moment.now(settings)
    local = now.astimezone(ZoneInfo(settings.time_zone))
    return f"{runtime.flow_run.flow_name} {local:%Y-%m-%d %H:%M}"


@flow(name="deliver", flow_run_name=named_by_moment, persist_result=False, result_storage=HERE)
async def deliver(now: datetime | None = None, until: datetime | None = None) -> Delivered:
    """Send every message that is due; return what became of them, and of which runs.

    Args:
        now: for rehearsals; by default the present
        until: when to begin no mail any more; by default none is left
    """
    parts = office.parts()
    # In a rehearsal time stands still; else it goes on while a long delivery does.
    clock = None if now else partial(moment.now, parts.settings)
    now = now or moment.now(parts.settings)
    async with delivering.way_out(parts) as way:
        delivered = await delivering.deliver(parts, way, now, clock=clock, until=until)
    await events.tell_all(events.undeliverable(delivered))
    await announcing.announce(parts, delivered.escalated)
    return delivered
