"""Replaying: what of a transaction is SQL, and the same statements once more, raw.

The program's SQL part is what it spends in `storage` and in the commit. Raw are the same set
statements, with all values made ready before, through the bare driver.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event, func, select

from services.wiring import Parts, opened
from storage.tables import MESSAGES


@contextmanager
def watched(
    owner: Any,
    name: str,
    into: Any,
    what: str,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[None]:
    """Add what a function of `owner` takes to the field `what` of `into`."""
    real = getattr(owner, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        began = clock()
        try:
            return real(*args, **kwargs)
        finally:
            setattr(into, what, getattr(into, what, 0.0) + clock() - began)

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, real)


@contextmanager
def commits(parts: Parts, into: Any, what: str = "sql") -> Iterator[None]:
    """Add what commits take."""
    with watched(parts.database.engine.dialect, "do_commit", into, what):
        yield


class _Enough(Exception):
    """What was recorded is not to be committed."""


def raw(parts: Parts, job: Callable[[], object]) -> float:
    """Record the statements of one transaction; return how long the bare driver takes for them."""
    statements: list[tuple[str, Any, bool]] = []
    writers: list[Connection] = []

    def record(
        connection: Connection, _cursor: Any, sql: str, values: Any, _context: Any, many: bool
    ) -> None:
        writers.append(connection)
        if connection is writers[0]:  # not what reads the texts of a plan in between
            statements.append((sql, values, many))

    def enough(connection: Connection) -> None:
        if connection is writers[0]:
            raise _Enough

    engine = parts.database.engine
    event.listen(engine, "before_cursor_execute", record)
    event.listen(engine, "commit", enough)
    try:
        job()
    except _Enough:
        pass
    finally:
        event.remove(engine, "before_cursor_execute", record)
        event.remove(engine, "commit", enough)
    _number_anew(parts)
    with opened(parts.settings) as other, other.database.engine.connect() as connection:
        bare: Any = connection.connection.driver_connection
        cursor = bare.cursor()
        began = time.perf_counter()
        for sql, values, many in statements:
            if many:
                cursor.executemany(sql, values)
            else:
                cursor.execute(sql, values)
                if cursor.description is not None:
                    cursor.fetchall()
        bare.commit()
        return time.perf_counter() - began


def _number_anew(parts: Parts) -> None:
    """Let messages have the numbers again that the recorded notices refer to."""
    if parts.database.is_sqlite:
        return
    with parts.database.writing() as connection:
        last = connection.execute(select(func.max(MESSAGES.c.id))).scalar_one()
        sequence = func.pg_get_serial_sequence("messages", "id")
        connection.execute(select(func.setval(sequence, last)))
