"""Judging: what the answers of a mail server come to, for a message and for each address.

A message has reached its recipient once an address that is to answer took it. It is tried
again while any address may still take it, at growing waits (RFC 5321 §4.5.4.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.contacts import Addressee
from notifiers.wire.channel import Outcome, Refused, Sent, TryLater, Unknown
from storage.outbox import Message, Status
from storage.recipients import SETTLED, Fate, Recipient

WAITS = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a try came to: the status, when to try again, and who got it or never will.

    `reaches` is whether this try is the first that reached somebody who is to answer;
    `unknown` are addresses that there are not, says the server; `is_for_another` that it is
    to be tried at once, since the agency may have an address that there is.
    """

    status: Status
    detail: str = ""
    next_try_at: datetime | None = None
    recipients: tuple[Recipient, ...] = ()
    reaches: bool = False
    unknown: tuple[tuple[str, str], ...] = ()
    is_for_another: bool = False


def judge(
    message: Message,
    addressees: Sequence[Addressee],
    before: Sequence[Recipient],
    outcomes: Mapping[str, Outcome],
    *,
    now: datetime,
) -> Verdict:
    """Return what `outcomes`, added to what became of the message `before`, come to.

    Where every address that is to answer was refused because there is no such address, the
    message is due again at once: another address of the agency may do.
    """
    fates = {one.address.lower(): one for one in before}
    for addressee in addressees:
        outcome = outcomes.get(addressee.address)
        if outcome is not None:
            fates[addressee.address.lower()] = _recipient(message, addressee, outcome, now)
    # Who got a copy before may be the one who is to answer now, since the other is not there.
    fates |= {
        one.address.lower(): replace(fates[one.address.lower()], is_copy=one.is_copy)
        for one in addressees
        if one.address.lower() in fates
    }
    current = [fates[one.address.lower()] for one in addressees if one.address.lower() in fates]
    answering = [one for one in current if not one.is_copy]
    open_ones = [one for one in current if one.fate not in SETTLED]
    reached = any(one.fate is Fate.SENT and not one.is_copy for one in fates.values())
    unknown = tuple(
        (address, outcome.reason)
        for address, outcome in outcomes.items()
        if isinstance(outcome, Refused) and outcome.of_address
    )
    status, detail, again, another = Status.SENT, "", None, False
    if open_ones:
        unsure = next((one for one in open_ones if one.fate is Fate.UNCERTAIN), None)
        status = Status.LATER if unsure is None else Status.UNCERTAIN
        detail = (unsure or open_ones[0]).detail
        again = now + WAITS[min(message.tries, len(WAITS)) - 1]
    elif not reached:
        detail = next((one.detail for one in answering), "")
        refused = {address for address, _ in unknown}
        another = bool(answering) and all(one.address in refused for one in answering)
        status = Status.LATER if another else Status.UNDELIVERABLE
        again = now if another else None
    return Verdict(
        status=status,
        detail=detail,
        next_try_at=again,
        recipients=tuple(current),
        reaches=reached and message.sent_at is None,
        unknown=unknown,
        is_for_another=another,
    )


def _recipient(
    message: Message, addressee: Addressee, outcome: Outcome, now: datetime
) -> Recipient:
    match outcome:
        case Sent(answer):
            fate, detail = Fate.SENT, answer
        case Refused(why):
            fate, detail = Fate.REFUSED, why
        case TryLater(why):
            fate, detail = Fate.LATER, why
        case Unknown(why):
            fate, detail = Fate.UNCERTAIN, why
        case _:
            raise TypeError(f"not an outcome: {outcome!r}")
    return Recipient(
        message=message.id,
        address=addressee.address,
        name=addressee.name,
        role=addressee.role.value,
        is_copy=addressee.is_copy,
        fate=fate,
        settled_at=now if fate in SETTLED else None,
        detail=detail,
    )
