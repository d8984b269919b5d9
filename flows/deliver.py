"""Deliver: drain the outbox through the mail server, or into the local mailbox."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from flows import events, moment, office
from services import delivering
from services.delivering import Delivered


@flow(name="deliver", persist_result=False)
async def deliver(now: datetime | None = None) -> Delivered:
    """Send every message that is due; return what became of them, and of which runs.

    Args:
        now: for rehearsals; by default the present
    """
    parts = office.parts()
    now = now or moment.now(parts.settings)
    async with delivering.session(parts) as way:
        delivered = await delivering.deliver(parts, way, now)
    await events.tell_all(events.undeliverable(delivered))
    return delivered
