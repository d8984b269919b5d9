"""Contacts: to which addresses of an agency a mail goes, on a day.

To the focal points, each by its substitute while away; where none of them can be reached to
the agency's own mailbox, else to its head. The others get copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from engine.plan import Agency, Contact, Role, Span


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an address beside the register.

    Mail to it comes back (`bounced`), another took its place (`replaced_by`), or who reads it
    is `away`, with a `substitute` or without.
    """

    bounced: bool = False
    replaced_by: str = ""
    away: Span | None = None
    substitute: str = ""


@dataclass(frozen=True, slots=True)
class Addressee:
    """An address that a mail goes to. `instead_of` is whose place it takes, if anybody's."""

    address: str
    name: str
    role: Role
    is_copy: bool = False
    instead_of: str = ""


Knowledge = Mapping[str, Known]
"""What is known of addresses, by the address in small letters."""


def addressees(
    agency: Agency, *, day: date, with_head: bool = False, known: Knowledge | None = None
) -> tuple[Addressee, ...]:
    """Return where a mail to `agency` goes on `day`: who is to answer first, then the copies.

    Each address once. Empty where the agency has no address that can be reached.
    """
    reach = _Reach(day, known or {})
    focal = [*reach.all_of(agency, Role.FOCAL)]
    heads = [*reach.all_of(agency, Role.HEAD)]
    copies = [*reach.all_of(agency, Role.COPY)]
    mailbox = [*reach.mailbox(agency)]
    answering = focal or mailbox or heads or copies
    if with_head and answering is not heads:
        answering = [*answering, *heads]
    return _once([*answering, *(_as_copy(one) for one in (*mailbox, *copies))])


@dataclass(frozen=True, slots=True)
class _Reach:
    day: date
    known: Knowledge

    def all_of(self, agency: Agency, role: Role) -> Iterator[Addressee]:
        for contact in agency.contacts:
            if contact.role is role:
                yield from self._contact(contact)

    def mailbox(self, agency: Agency) -> Iterator[Addressee]:
        address = self._present(agency.email or "")
        if self._is_reachable(address):
            yield Addressee(address, agency.name, Role.MAILBOX)

    def _contact(self, contact: Contact) -> Iterator[Addressee]:
        address = self._present(contact.email)
        about = self._known(address)
        if any(span.holds(self.day) for span in contact.away) or _is_away(about, self.day):
            instead = about.substitute if _is_away(about, self.day) else ""
            name = instead
            if not instead and contact.substitute is not None:
                name, instead = contact.substitute.name, contact.substitute.email
            instead = self._present(instead)
            if self._is_reachable(instead):
                yield Addressee(instead, name, contact.role, instead_of=contact.name)
        elif self._is_reachable(address):
            yield Addressee(address, contact.name, contact.role)

    def _known(self, address: str) -> Known:
        return self.known.get(address.lower(), _NOTHING)

    def _present(self, address: str) -> str:
        """Follow an address to the one that took its place; a circle ends where it began."""
        seen: set[str] = set()
        while (following := self._known(address).replaced_by) and address.lower() not in seen:
            seen.add(address.lower())
            address = following
        return address

    def _is_reachable(self, address: str) -> bool:
        return bool(address) and not self._known(address).bounced


_NOTHING = Known()


def _is_away(known: Known, day: date) -> bool:
    return known.away is not None and known.away.holds(day)


def _as_copy(one: Addressee) -> Addressee:
    return Addressee(one.address, one.name, one.role, is_copy=True, instead_of=one.instead_of)


def _once(found: list[Addressee]) -> tuple[Addressee, ...]:
    first: dict[str, Addressee] = {}
    for one in found:
        first.setdefault(one.address.lower(), one)
    return tuple(first.values())
