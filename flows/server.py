"""Server: `prefect server start`, whose writers on SQLite queue instead of failing.

Prefect begins most of its SQLite transactions as readers. One that comes to write after
another has written fails at once with "database is locked", whatever the time-out; the
client gets a 503 and asks again after 2, 4, 8 … seconds. Begun as writers they wait for
each other, for milliseconds. On PostgreSQL nothing of this applies.

`python -m flows.server server start …` takes what `prefect` takes; `docs/adr/0010-…` says why.
"""

from __future__ import annotations

import runpy
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

_begin = AioSqliteConfiguration.begin_transaction


@asynccontextmanager
async def begin_as_writer(
    self: AioSqliteConfiguration,
    session: AsyncSession,
    with_for_update: bool = True,  # noqa: ARG001 - every transaction is one
) -> AsyncGenerator[AsyncSessionTransaction, None]:
    """Begin a transaction as `BEGIN IMMEDIATE`, in Prefect's own way."""
    async with _begin(self, session, with_for_update=True) as transaction:
        yield transaction


def main() -> None:
    """Be `prefect`, with the arguments given."""
    AioSqliteConfiguration.begin_transaction = begin_as_writer  # type: ignore[method-assign]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
