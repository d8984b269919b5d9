"""Addressing: what people say of addresses: who is away, what takes whose place, what is good.

It holds for every plan, beside the registers; who said it and when is kept with it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Connection

from notifiers.errors import BadAddress
from notifiers.mime.address import checked_address
from notifiers.wire.bounces import Kind
from services.errors import Refused
from services.wiring import Parts
from services.written import line
from storage import addresses, post
from storage.addresses import Noted
from storage.post import Posted

REPLIES = 3  # automatic replies of an address that are told


def every(parts: Parts) -> list[Noted]:
    """Return all that is noted of addresses, but for those that are as the register says."""
    with parts.database.reading() as connection:
        return [one for one in addresses.every(connection) if one != _bare(one)]


def replies(parts: Parts, address: str) -> list[Posted]:
    """Return the last automatic replies that an address has sent, the newest first."""
    kind = Kind.AUTO_REPLY.value
    with parts.database.reading() as connection:
        return post.from_address(connection, address, kind=kind, limit=REPLIES)


def find(parts: Parts, address: str) -> Noted | None:
    """Return what is noted of an address. Raises Refused where it is none."""
    with parts.database.reading() as connection:
        return addresses.find(connection, _checked(address))


def away(
    parts: Parts,
    address: str,
    *,
    first: date,
    last: date,
    substitute: str = "",
    now: datetime,
    by: str,
) -> Noted:
    """Note that whoever reads an address is away, and who gets the mail meanwhile."""
    address = _checked(address)
    substitute = _checked(substitute) if substitute else ""
    if last < first:
        raise Refused("refused.away-backwards", first=first, last=last)
    if substitute == address:
        raise Refused("refused.own-substitute", address=address)
    with parts.database.writing() as connection:
        noted = replace(
            _of(connection, address, now, by),
            absent_from=first,
            absent_until=last,
            substitute=substitute,
        )
        addresses.keep(parts.database, connection, noted)
    return noted


def take_place(parts: Parts, old: str, new: str, *, now: datetime, by: str) -> Noted:
    """Note that mail to `old` goes to `new` from now on. Raises Refused where that is a circle."""
    old, new = _checked(old), _checked(new)
    with parts.database.writing() as connection:
        following = new
        seen = set()
        while following and following not in seen:
            if following == old:
                raise Refused("refused.address-circle", old=old, new=new)
            seen.add(following)
            found = addresses.find(connection, following)
            following = found.replaced_by if found else ""
        noted = replace(_of(connection, old, now, by), replaced_by=new)
        addresses.keep(parts.database, connection, noted)
    return noted


def restore(parts: Parts, address: str, *, now: datetime, by: str) -> Noted:
    """Note that an address is good, and read by whom the register says."""
    address = _checked(address)
    with parts.database.writing() as connection:
        found = addresses.find(connection, address)
        if found is None or found == _bare(found):
            raise Refused("refused.nothing-to-restore", address=address)
        noted = Noted(address, now, _who(by))
        addresses.keep(parts.database, connection, noted)
    return noted


def _of(connection: Connection, address: str, now: datetime, by: str) -> Noted:
    """Return what is noted already, to be noted anew by somebody."""
    found = addresses.find(connection, address) or Noted(address, now, by)
    return replace(found, noted_at=now, noted_by=_who(by))


def _bare(one: Noted) -> Noted:
    return Noted(one.address, one.noted_at, one.noted_by)


def _who(by: str) -> str:
    who = line(by)
    if not who:
        raise Refused("refused.empty-by")
    return who


def _checked(address: str) -> str:
    """Return an address in small letters, as they are kept. Raises Refused."""
    try:
        return checked_address(address.strip()).lower()
    except BadAddress as error:
        raise Refused("refused.bad-address", address=address) from error
