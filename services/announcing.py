"""Announcing: an escalation that was mailed is told to chats or SMS gateways too (`DONDOC_CHAT`).

Mail is what counts: a chat that fails changes nothing about it, and the ledger does not
speak of chats. A mail is marked as sent once, whoever sends it; who marked it announces it
right afterwards, from memory, and tries each service once: at most once, and not at all
where the process is killed between the two.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from notifiers import chat
from notifiers.chat import PATIENCE, Told
from notifiers.chat_wording import announcement
from notifiers.digest import Digest
from services.wiring import Parts

log = logging.getLogger(__name__)


async def announce(
    parts: Parts, escalations: Sequence[Digest], *, patience: float = PATIENCE
) -> list[Told]:
    """Announce escalations that have been mailed; return what became of it at each service.

    Where mail is only filed in the local mailbox nobody is told: nobody was mailed.
    """
    settings = parts.settings
    if not escalations or not settings.smtp_host or not settings.chats:
        return []
    services = chat.services(settings.chats)
    found: list[Told] = []
    for digest in escalations:
        told = await chat.announce(services, announcement(digest), patience=patience)
        for one in told:
            _log(digest, one)
        found += told
    return found


def _log(digest: Digest, told: Told) -> None:
    what = (digest.run_id, digest.recipient.id, told.service)
    if told.why:
        log.warning("run %s: %s not announced at %s: %s", *what, told.why, extra=_FAILED)
    else:
        log.info("run %s: %s announced at %s", *what, extra=_DONE)


_DONE = {"action": "announced"}
_FAILED = {"action": "not-announced"}
