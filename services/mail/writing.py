"""Writing: a worded mail as the bytes that go out, the same to send them and to look at them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contacts import Addressee
from notifiers.digest import Digest
from notifiers.errors import BadAddress
from notifiers.letters import letter_of
from notifiers.mime.address import checked_address
from notifiers.mime.message import Sender, build
from notifiers.rendering import Mail, Rendered
from services.settings import Settings


def written(
    rendered: Rendered,
    mail: Mail,
    settings: Settings,
    addressees: Sequence[Addressee],
    answers_to: str,
) -> bytes:
    """Return a mail as bytes, in the name of whom it comes from. Raises MessageError.

    `answers_to` is the address of that body; empty, answers go to our own.
    """
    sender = Sender(mail.sender.name, settings.sender, reply_to=_plain(answers_to))
    letter = letter_of(mail) if isinstance(mail, Digest) else None
    enclosed = () if letter is None else (letter,)
    return build(rendered, mail, sender=sender, addressees=addressees, attachments=enclosed)


def _plain(address: str) -> str | None:
    """Return an address that a header can hold; nothing where it is none: answers come to us."""
    try:
        return checked_address(address) if address else None
    except BadAddress:
        return None
