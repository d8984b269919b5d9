"""Doubts: what a mail server says of mailboxes, held back until it has taken a mail.

A server whose list of mailboxes is broken answers `550 5.1.1` to everybody. Each such answer
would mark an address that is good, and send its mail to the next contact.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeGuard

from notifiers.wire.channel import Outcome, Refused, Sent, TryLater
from services.mail import marking
from services.mail.marking import Tried
from services.wiring import Parts

EVERYBODY = "every address is refused"  # so begins why a server is left alone that has no mailboxes
MANY = 5  # agencies in a row without a mailbox, says the server, until it is not believed


class Doubts:
    """What a server refused since it last took a mail: marked once it takes one, or at the end.

    Where it refuses many in a row, that is its own trouble, and `trouble` says so; one
    that is distrusted, since it was left alone for this, is not believed once.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._held: list[Tried] = []
        self._heard: set[str] = set()
        self.trouble = ""
        self.is_distrusted = False

    def hear(self, tried: Tried) -> bool:
        """Take in what a mail came to, at once; say whether the server is to be left alone.

        Marks come a few mails later: until then others would be handed to it for nothing.
        """
        if _is_doubtful(tried.outcomes):
            self._heard.add(tried.ready.message.recipient)
            return self._are_too_many(self._heard)
        if any(isinstance(outcome, Sent) for outcome in tried.outcomes.values()):
            self._heard.clear()
        return False

    def _are_too_many(self, agencies: Collection[str]) -> bool:
        return self.is_distrusted or len(agencies) >= MANY

    def sift(self, tries: Sequence[Tried], now: datetime, *, ending: bool) -> list[Tried]:
        """Return what is to be marked now; hold the rest back unless this is `ending`.

        What the server takes vouches for what it refused before, not for what it does after.
        """
        found: list[Tried] = []
        for one in tries:
            if _is_doubtful(one.outcomes):
                self._held.append(one)
                self._suspect()
                continue
            if not self.trouble and any(isinstance(out, Sent) for out in one.outcomes.values()):
                self.is_distrusted = False
                found += self._let_go()
            found.append(one)
        if ending:
            held = self._let_go()
            found += [self._blamed(one, now) for one in held] if self.trouble else held
        return found

    def _suspect(self) -> None:
        """Say that the server is in trouble, where it is not to be believed any more."""
        agencies = {one.ready.message.recipient for one in self._held}
        if self.trouble or not self._are_too_many(agencies):
            return
        answers = self._held[-1].outcomes.values()
        self.trouble = next(_blaming(one) for one in answers if _is_missing(one)).reason

    def _let_go(self) -> list[Tried]:
        held, self._held = self._held, []
        return held

    def _blamed(self, tried: Tried, now: datetime) -> Tried:
        """Return a try as the server's own trouble: no address is marked, the mail goes later."""
        outcomes = {
            address: _blaming(outcome) if _is_missing(outcome) else outcome
            for address, outcome in tried.outcomes.items()
        }
        return marking.tried(self._parts, tried.ready, outcomes, now)


def is_distrusted(why: str) -> bool:
    """Say whether this is why a server is left alone that refused everybody."""
    return why.startswith(EVERYBODY)


def _is_doubtful(outcomes: Mapping[str, Outcome]) -> bool:
    """Say whether a mailbox was said not to be there, and none took the mail."""
    answers = list(outcomes.values())
    return any(map(_is_missing, answers)) and not any(isinstance(one, Sent) for one in answers)


def _is_missing(outcome: Outcome) -> TypeGuard[Refused]:
    return isinstance(outcome, Refused) and outcome.of_mailbox


def _blaming(refused: Refused) -> TryLater:
    return TryLater(f"{EVERYBODY}: {refused.reason}", of_relay=True)
