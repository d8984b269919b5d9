"""Drafting: the draft letter that a mail carries, and what the mail says of it."""

from __future__ import annotations

import re
import unicodedata

from language.catalogue import text
from notifiers.digest import Digest
from notifiers.letters.calling import occasion
from notifiers.letters.wording import issuer, letter, manner
from notifiers.mime.attachment import Attachment

TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_LONGEST = 40  # characters of a number or an id within a file's name
_NAMES = {
    "chaser": "du-thao-cong-van-don-doc",
    "chaser-of-all": "du-thao-cong-van-don-doc",
    "report": "du-thao-cong-van-bao-cao",
    "direction": "du-thao-cong-van-de-nghi-chi-dao",
}


def letter_of(digest: Digest) -> Attachment | None:
    """Return the draft letter that goes with a mail; None where its rungs call for none.

    Which do, the plan's ladder says: `Overdue.letter_from`, `EscalationStep.letter`. The same
    digest gives the same bytes, dated as of its own instant.
    """
    about = occasion(digest)
    if not about:
        return None
    from notifiers.letters.document import document  # lxml and docx, which few mails need

    when = digest.as_of.astimezone(digest.plan.zone)
    return Attachment(filename(digest), TYPE, document(letter(digest, about), when))


def enclosed(digest: Digest) -> str:
    """Return the sentence by which a mail says what goes with it, in the mail's language."""
    about = occasion(digest)
    if not about:
        return ""
    return text(
        digest.language,
        f"mail.enclosed.{manner(digest, about)}",
        name=digest.recipient.name,
        sender=issuer(digest).name,
        filename=filename(digest),
    )


def filename(digest: Digest) -> str:
    """Return a name in plain ASCII that tells the letter's kind, plan, recipient and day."""
    kind = _NAMES[manner(digest, occasion(digest))]
    number, recipient = _plain(digest.plan.number), _plain(digest.recipient.id)
    return f"{kind}-{number}-{recipient}-{digest.today.isoformat()}.docx"


def _plain(words: str) -> str:
    marked = unicodedata.normalize("NFD", words.replace("Đ", "D").replace("đ", "d"))
    bare = "".join(sign for sign in marked if not unicodedata.combining(sign))
    return re.sub(r"[^A-Za-z0-9]+", "-", bare).strip("-")[:_LONGEST].strip("-") or "x"
