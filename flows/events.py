"""Events: what we tell Prefect's event bus, for its automations to act on.

By HTTP, not through Prefect's own emitter, which returns as if it had worked while the
server is away. An event is the fast path, never the truth: it is told after the commit,
and one that can't be told is logged and forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from uuid import uuid4

import httpx
from prefect.client.orchestration import PrefectClient, get_client

from flows import moment

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds that an event may take


async def tell(
    event: str,
    resource: str,
    payload: Mapping[str, object] | None = None,
    *,
    client: PrefectClient | None = None,
) -> bool:
    """Post one event about `resource`; say whether the server has taken it."""
    told = {
        "id": str(uuid4()),
        "event": event,
        "occurred": moment.wall().isoformat(),
        "resource": {"prefect.resource.id": resource},
        "payload": dict(payload or {}),
    }
    try:
        async with asyncio.timeout(PATIENCE):
            if client is not None:
                await client.request("POST", "/events", json=[told])
            else:
                async with get_client() as opened:
                    await opened.request("POST", "/events", json=[told])
    except (httpx.HTTPError, OSError) as error:  # TimeoutError is an OSError
        log.info(
            "%s was not told: %s", event, type(error).__name__, extra={"action": "event-not-told"}
        )
        return False
    return True
