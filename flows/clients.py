"""Clients: one of each kind for several flow runs.

Each that Prefect makes of itself reads the whole list of certificates first: a flow run alone
would make two, which takes longer than all else that it does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.context import AsyncClientContext, SyncClientContext


@asynccontextmanager
async def shared() -> AsyncIterator[None]:
    """Let all that runs in this context speak to Prefect over the same two clients."""
    with SyncClientContext.get_or_create():
        async with AsyncClientContext.get_or_create():
            yield
