"""Relays: a mail server's circuit breaker and pace, shared by all who send through it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, select

from storage.database import Database
from storage.tables import RELAYS


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail server as it was last met.

    `failures` in a row, the last of them for `why`; nothing is tried before `open_until`.
    `free_at` is when the mails handed to it so far are worked off at its rate.
    """

    name: str
    failures: int = 0
    open_until: datetime | None = None
    free_at: datetime | None = None
    why: str = ""


def find(connection: Connection, name: str) -> Relay:
    """Return what is known of a relay; of one never met, nothing."""
    row = connection.execute(_NAMED, {"name": name}).one_or_none()
    return Relay(name) if row is None else _relay(row)


def held(database: Database, connection: Connection, name: str) -> Relay:
    """Return a relay to change it: others who do the same wait until the transaction ends."""
    row = connection.execute(_HELD, {"name": name}).one_or_none()
    if row is None:
        new = {"name": name, "failures": 0, "why": ""}
        connection.execute(database.insert_new(RELAYS).values(new))
        row = connection.execute(_HELD, {"name": name}).one()
    return _relay(row)


_NAMED = select(RELAYS).where(RELAYS.c.name == bindparam("name"))
_HELD = _NAMED.with_for_update()


def keep(connection: Connection, relay: Relay) -> None:
    """Write what is known of a relay that was `held`."""
    connection.execute(
        RELAYS.update()
        .where(RELAYS.c.name == relay.name)
        .values(
            failures=relay.failures,
            open_until=relay.open_until,
            free_at=relay.free_at,
            why=relay.why,
        )
    )


def troubled(connection: Connection) -> list[Relay]:
    """Return the relays that failed when last met."""
    query = select(RELAYS).where(RELAYS.c.failures > 0).order_by(RELAYS.c.name)
    return [_relay(row) for row in connection.execute(query)]


def every(connection: Connection) -> list[Relay]:
    """Return all relays that were met."""
    return [_relay(row) for row in connection.execute(select(RELAYS).order_by(RELAYS.c.name))]


def close(connection: Connection) -> None:
    """Take every relay for alive again: somebody says that it is."""
    connection.execute(RELAYS.update().values(failures=0, open_until=None, why=""))


def _relay(row: Row[tuple[object, ...]]) -> Relay:
    values = row._mapping
    return Relay(
        name=values["name"],
        failures=values["failures"],
        open_until=values["open_until"],
        free_at=values["free_at"],
        why=values["why"],
    )
