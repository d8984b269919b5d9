"""Announcing: an escalation that was mailed is told to chats or SMS gateways too (`DONDOC_CHAT`).

Mail is what counts: a chat that fails changes nothing about it, and the ledger does not
speak of chats. That a mail has reached somebody is marked once, whoever sends it; who
marked it announces it right afterwards, from memory, and tries each service once: at most
once, and not at all where the process is killed between the two.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from notifiers.digest import Digest
from notifiers.wire import chat
from notifiers.wire.chat import PATIENCE, Told
from notifiers.words.chat_wording import announcement
from services.mail import mailroom
from services.wiring import Parts

log = logging.getLogger(__name__)


async def announce(
    parts: Parts, messages: Sequence[int], *, patience: float = PATIENCE
) -> list[Told]:
    """Announce escalations that have been mailed; return what became of it at each service.

    Raises nothing: the mail is out. Where mail is only filed in the local mailbox nobody is
    told, for nobody was mailed.
    """
    settings = parts.settings
    if not messages or not settings.smtp_host:
        return []
    found: list[Told] = []
    try:
        services = chat.services(settings.chats)
        for number in messages if services else ():
            mail = mailroom.looked_at(parts, number).mail
            if isinstance(mail, Digest):
                told = await chat.announce(services, announcement(mail), patience=patience)
                _log(number, told)
                found += told
    except Exception as error:
        # Not its words, which may hold an address with its token.
        why = type(error).__name__
        log.warning("not announced: %s", why, extra={"action": "not-announced"})
    return found


def _log(number: int, told: Sequence[Told]) -> None:
    for one in told:
        if one.why:
            log.warning(
                "mail %d not announced at %s: %s",
                number,
                one.service,
                one.why,
                extra={"action": "not-announced"},
            )
        else:
            log.info("mail %d announced at %s", number, one.service, extra={"action": "announced"})
