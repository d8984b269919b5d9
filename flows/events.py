"""Events: what we tell Prefect's event bus, for its automations to act on.

By HTTP, not through Prefect's own emitter, which returns as if it had worked while the
server is away. An event is the fast path, never the truth: it is told after the commit,
and one that can't be told is logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from uuid import uuid4

import httpx
from prefect.client.orchestration import get_client

from flows import moment
from services.mail.delivering import Delivered, Undeliverable

log = logging.getLogger(__name__)

UNDELIVERABLE = "dondoc.mail.undeliverable"
UNREADABLE = "dondoc.runs.unreadable"
NAMED = 20  # runs that one event names
PATIENCE = 10.0  # seconds that telling may take


@dataclass(frozen=True)
class Event:
    """Something that happened to a resource: `about` is the payload, plain values only."""

    name: str
    resource: str
    about: Mapping[str, object] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid4()))
    occurred: str = field(default_factory=lambda: moment.wall().isoformat())


async def tell(event: Event) -> bool:
    """Tell one event; say whether the server has taken it."""
    return await tell_all([event])


async def tell_all(events: Iterable[Event]) -> bool:
    """Tell events in one request; say whether the server has taken them."""
    told = [
        {
            "id": event.id,
            "event": event.name,
            "occurred": event.occurred,
            "resource": {"prefect.resource.id": event.resource},
            "payload": dict(event.about),
        }
        for event in events
    ]
    if not told:
        return True
    try:
        async with asyncio.timeout(PATIENCE), get_client() as client:
            await client.request("POST", "/events", json=told)
    except (httpx.HTTPError, OSError) as error:  # TimeoutError is an OSError
        names = ", ".join(sorted({str(one["event"]) for one in told}))
        log.info("not told: %s: %s", names, type(error).__name__, extra={"action": "not-told"})
        return False
    return True


def undeliverable(delivered: Delivered) -> list[Event]:
    """Return what a delivery had to give up: one event per plan run, however many messages."""
    return given_up(delivered.undeliverable)


def unreadable(unread: Mapping[str, str]) -> list[Event]:
    """Return an event for the runs that can't be read, each with why: one, however many."""
    if not unread:
        return []
    about = {"runs": " ".join(list(unread)[:NAMED]), "count": len(unread)}
    return [Event(UNREADABLE, "dondoc.runs", about | {"why": next(iter(unread.values()))})]


def given_up(messages: Iterable[Undeliverable]) -> list[Event]:
    """Return an event for each plan run of which messages can't be delivered."""
    found = sorted(messages, key=lambda one: (one.run, one.message))
    events = []
    for run, grouped in groupby(found, key=lambda one: one.run):
        these = list(grouped)
        about = {
            "run": run,
            "messages": ",".join(str(one.message) for one in these),
            "recipients": ", ".join(one.recipient for one in these),
            "why": these[0].why,
        }
        events.append(Event(UNDELIVERABLE, f"dondoc.mail.{run}", about))
    return events
