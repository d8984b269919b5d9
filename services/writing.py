"""Writing: a worded mail as the bytes that go out, the same to send them and to look at them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contacts import Addressee
from engine.plan import Plan
from notifiers.address import checked_address
from notifiers.errors import BadAddress
from notifiers.message import Sender, build
from notifiers.rendering import Mail, Rendered
from services.settings import Settings


def written(
    rendered: Rendered, mail: Mail, settings: Settings, addressees: Sequence[Addressee]
) -> bytes:
    """Return a mail as bytes, in the name of its plan's coordinator. Raises MessageError."""
    named = [one for one in addressees if _can_be_named(one.address)]
    sender = sender_of(mail.plan, settings)
    return build(rendered, mail, sender=sender, addressees=named or addressees)


def sender_of(plan: Plan, settings: Settings) -> Sender:
    """Return in whose name a plan's mail goes out; answers go to that body."""
    above = plan.agencies[plan.coordinator]
    return Sender(above.name, settings.sender, reply_to=above.email)


def _can_be_named(address: str) -> bool:
    """Say whether a header can hold an address; one that none can is not shown to the others."""
    try:
        checked_address(address)
    except BadAddress:
        return False
    return True
