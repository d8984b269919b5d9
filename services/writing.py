"""Writing: a worded mail as the bytes that go out, the same to send them and to look at them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.contacts import Addressee
from engine.plan import Agency
from notifiers.digest import Digest
from notifiers.letters import letter_of
from notifiers.message import Sender, build
from notifiers.rendering import Mail, Rendered
from services.settings import Settings


def written(
    rendered: Rendered, mail: Mail, settings: Settings, addressees: Sequence[Addressee]
) -> bytes:
    """Return a mail as bytes, in the name of whom it comes from. Raises MessageError."""
    sender = Sender(mail.sender.name, settings.sender, reply_to=_answers_to(mail.sender))
    letter = letter_of(mail) if isinstance(mail, Digest) else None
    enclosed = () if letter is None else (letter,)
    return build(rendered, mail, sender=sender, addressees=addressees, attachments=enclosed)


def _answers_to(agency: Agency) -> str | None:
    """Return where answers to a mail of an agency go: its mailbox, else who is to answer for it."""
    if agency.email:
        return agency.email
    return next((contact.email for contact in agency.contacts), None)
