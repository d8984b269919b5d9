"""Contacts: to which addresses of an agency a mail goes, on a day.

To the focal points, each by its substitute while it is away or mail to it comes back; where
none of them can be reached to the agency's own mailbox, else to its head, else to those who
get copies, and in the last resort to somebody who is away. The mailbox and the others get
copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from engine.plan import Agency, Contact, Role, Span


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an address beside the register.

    Mail to it comes back (`bounced`, and `why`), another took its place (`replaced_by`), or who
    reads it is `away`, with a `substitute` or without.
    """

    bounced: bool = False
    replaced_by: str = ""
    away: Span | None = None
    substitute: str = ""
    why: str = ""


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
    reach = _Reach(agency, day, known or {})
    mailbox = [*reach.mailbox()]
    heads = [*reach.all_of(Role.HEAD)]
    copies = [*reach.all_of(Role.COPY)]
    answering = [*reach.all_of(Role.FOCAL)] or mailbox or heads or copies or [*reach.away()]
    if with_head:
        answering = [*answering, *heads]
    return _once([*answering, *(_as_copy(one) for one in (*mailbox, *copies))])


def answers_to(agency: Agency, *, day: date, known: Knowledge | None = None) -> str:
    """Return where answers to the mail of `agency` go: its mailbox, else who is to answer for it.

    Empty where it has no address that can be reached.
    """
    found = addressees(agency, day=day, known=known)
    mailbox = (one.address for one in found if one.role is Role.MAILBOX)
    return next(mailbox, found[0].address if found else "")


def why_unreachable(agency: Agency, known: Knowledge) -> str:
    """Return what mail servers said of the addresses of an agency that mail comes back from."""
    written = [*(contact.email for contact in agency.contacts), agency.email or ""]
    about = [known[address.lower()] for address in written if address.lower() in known]
    return "; ".join(dict.fromkeys(one.why for one in about if one.bounced and one.why))


class _Reach:
    """Who of an agency can be reached on a day, by what is known of addresses."""

    def __init__(self, agency: Agency, day: date, known: Knowledge) -> None:
        self._agency, self._day, self._knowledge = agency, day, known
        self._absent = {
            self._present(contact.email).lower()
            for contact in agency.contacts
            if any(span.holds(day) for span in contact.away)
        }

    def mailbox(self) -> Iterator[Addressee]:
        address = self._present(self._agency.email or "")
        if self._is_reachable(address):
            yield Addressee(address, self._agency.name, Role.MAILBOX)

    def all_of(self, role: Role) -> Iterator[Addressee]:
        """Yield where mail for the contacts of a role goes, of those who are here."""
        return self._contacts(role, self._is_here)

    def away(self) -> Iterator[Addressee]:
        """Yield where mail for the contacts of the first role goes that has any, here or not."""
        found = ([*self._contacts(role, self._is_reachable)] for role in _BY_RANK)
        yield from next(filter(None, found), ())

    def _contacts(self, role: Role, will_do: Callable[[str], bool]) -> Iterator[Addressee]:
        """Yield the address of each contact that will do, else the first in its stead that will."""
        for contact in self._agency.contacts:
            if contact.role is role:
                address = self._present(contact.email)
                if will_do(address):
                    yield Addressee(address, contact.name, role)
                    continue
                for name, email in self._standing_in(contact, self._known(address)):
                    if will_do(email):
                        yield Addressee(email, name, role, instead_of=contact.name)
                        break

    def _standing_in(self, contact: Contact, about: Known) -> Iterator[tuple[str, str]]:
        """Yield name and address of who an absence names, then whom the register names."""
        if _is_away(about, self._day) and about.substitute:
            yield about.substitute, self._present(about.substitute)
        if contact.substitute is not None:
            yield contact.substitute.name, self._present(contact.substitute.email)

    def _is_here(self, address: str) -> bool:
        is_away = address.lower() in self._absent or _is_away(self._known(address), self._day)
        return self._is_reachable(address) and not is_away

    def _known(self, address: str) -> Known:
        return self._knowledge.get(address.lower(), _NOTHING)

    def _present(self, address: str) -> str:
        """Follow an address to the one that took its place; of a circle, to one that arrives."""
        chain = [address]
        while following := self._known(chain[-1]).replaced_by:
            passed = [one.lower() for one in chain]
            if following.lower() in passed:
                circle = chain[passed.index(following.lower()) :]
                return next(filter(self._is_reachable, circle), circle[0])
            chain.append(following)
        return chain[-1]

    def _is_reachable(self, address: str) -> bool:
        return address != "" and not self._known(address).bounced


_NOTHING = Known()
_BY_RANK = (Role.FOCAL, Role.HEAD, Role.COPY)


def _is_away(known: Known, day: date) -> bool:
    return known.away is not None and known.away.holds(day)


def _as_copy(one: Addressee) -> Addressee:
    return Addressee(one.address, one.name, one.role, is_copy=True, instead_of=one.instead_of)


def _once(found: list[Addressee]) -> tuple[Addressee, ...]:
    first: dict[str, Addressee] = {}
    for one in found:
        first.setdefault(one.address.lower(), one)
    return tuple(first.values())
