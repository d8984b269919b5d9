"""Proofs: mails as they would go out, byte by byte, for people to look at. Nothing is sent.

A proof is read back out of its bytes, so that what is looked at is what a mail program gets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message as Mime
from itertools import groupby

from engine.contacts import Addressee, addressees, answers_to
from engine.rehearsal import Issued
from language.catalogue import text
from notifiers.brief import WORD as BRIEF
from notifiers.brief import Brief, Reached
from notifiers.digest import message_id, thread_id
from notifiers.errors import MessageError
from notifiers.rendering import Mail, render
from services.errors import Refused
from services.mail import writing
from services.mail.looking import is_for_head
from services.settings import Settings
from services.views import previewing
from services.views.previewing import Preview
from storage.ledger import STATE_KINDS

HEADERS = ("From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "References")
SOME = 12  # rungs or agencies that a sentence lists


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which mails to look at; what is not said narrows nothing. `number` is that in the list."""

    agency: str | None = None
    kind: str | None = None
    rung: str | None = None
    number: int | None = None

    def holds(self, slip: Slip) -> bool:
        """Say whether a mail is one of them."""
        return (
            self.agency in (None, slip.recipient)
            and self.kind in (None, slip.kind)
            and (self.rung is None or self.rung in slip.rungs)
            and self.number in (None, slip.number)
        )


@dataclass(frozen=True, slots=True)
class Slip:
    """A mail before it is worded: its number in the order of sending, and what picks it out."""

    number: int
    at: datetime
    kind: str
    rungs: tuple[str, ...]
    mail: Mail
    addressees: tuple[Addressee, ...]
    answers_to: str

    @property
    def recipient(self) -> str:
        """The agency that it goes to."""
        return self.mail.recipient.id


@dataclass(frozen=True, slots=True)
class Proof:
    """A mail as its recipient's program reads it; `size` in bytes.

    `fault` says why it can't be built, where it can't: then there are no headers, no bytes.
    """

    slip: Slip
    subject: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[tuple[str, int], ...] = ()
    content: bytes = b""
    fault: str = ""

    @property
    def size(self) -> int:
        """How many bytes go over the wire."""
        return len(self.content)


def of_plan(
    shown: Preview, wanted: Wanted, settings: Settings, *, language: str | None = None
) -> list[Proof]:
    """Return the mails of a preview that are wanted, in the order of sending.

    Besides what the ladders send there is a brief for every day on which anything goes out.
    Raises Refused where no mail is wanted, with what there is.
    """
    slips = [*_slips(shown, language)]
    found = [proof(slip, settings) for slip in slips if wanted.holds(slip)]
    if not found:
        raise Refused("refused.no-such-mail", **_known(slips))
    return found


def scene(shown: Preview, count: int, language: str) -> str:
    """Say under which circumstances so many mails go out."""
    key = "proof.scene" if shown.scenario.title else "proof.scene-worst"
    return text(language, key, count=count, title=shown.scenario.title)


def proof(slip: Slip, settings: Settings) -> Proof:
    """Word a mail, build it and read it back."""
    rendered = render(slip.mail)
    try:
        content = writing.written(rendered, slip.mail, settings, slip.addressees, slip.answers_to)
    except MessageError as error:
        return Proof(slip, rendered.subject, (), rendered.text, rendered.html, fault=str(error))
    return opened(slip, content)


def opened(slip: Slip, content: bytes) -> Proof:
    """Read a mail out of its bytes."""
    read = message_from_bytes(content)
    bodies = {part.get_content_type(): _words(part) for part in read.walk() if _is_body(part)}
    headers = tuple((name, _header(read[name])) for name in HEADERS if read[name])
    return Proof(
        slip=slip,
        subject=dict(headers).get("Subject", ""),
        headers=headers,
        text=bodies.get("text/plain", ""),
        html=bodies.get("text/html", ""),
        attachments=tuple(
            (_header(part.get_filename() or ""), len(_payload(part)))
            for part in read.walk()
            if part.get_content_disposition() == "attachment"
        ),
        content=content,
    )


def _slips(shown: Preview, language: str | None) -> Iterator[Slip]:
    number = 0
    for _, together in groupby(_all(shown, language), key=lambda one: one.at):
        for slip in together:
            number += 1
            yield replace(slip, number=number)


def _all(shown: Preview, language: str | None) -> Iterator[Slip]:
    """Yield every mail in the order of sending, the day's brief after its first mails."""
    briefs = {brief.as_of: brief for brief in _briefs(shown, language)}
    found = previewing.mails(shown, language)
    for at, together in groupby(found, key=lambda pair: pair[0].digest.send_at):
        for issued, digest in together:
            yield _slip(at, issued.digest.kind.word, tuple(issued.digest.rungs), digest)
        if at in briefs:
            yield _slip(at, BRIEF, (), briefs[at])


def _slip(at: datetime, kind: str, rungs: tuple[str, ...], mail: Mail) -> Slip:
    day = at.astimezone(mail.plan.zone).date()
    found = addressees(mail.recipient, day=day, with_head=is_for_head(mail))
    return Slip(0, at, kind, rungs, mail, found, answers_to(mail.sender, day=day))


def _briefs(shown: Preview, language: str | None) -> Iterator[Brief]:
    zone = shown.plan.zone
    reached: list[Reached] = []
    since = min((entry.recorded_at for entry in shown.rehearsal.entries), default=None)
    last = None
    for at, together in groupby(shown.rehearsal.issued, key=lambda one: one.digest.send_at):
        issued = [*together]
        reached += [
            Reached(notice.obligation, notice.kind, notice.recipient, at)
            for one in issued
            for notice in one.digest.notices
        ]
        day = at.astimezone(zone).date()
        if day == last or since is None:
            continue
        yield _brief(shown, issued[0], since, tuple(reached), language)
        since, last = at, day


def _brief(
    shown: Preview,
    issued: Issued,
    since: datetime,
    reached: tuple[Reached, ...],
    language: str | None,
) -> Brief:
    plan, at = shown.plan, issued.digest.send_at
    entries = shown.rehearsal.entries
    return Brief(
        state=issued.state,
        run_id=plan.id,
        recipient=plan.agencies[plan.coordinator],
        send_at=at,
        as_of=at,
        since=since,
        language=language or plan.language,
        message_id=message_id(plan.id, plan.coordinator, at, part=2),
        thread_id=thread_id(plan.id, plan.coordinator),
        reached=reached,
        entries=tuple(
            entry
            for entry in entries
            if entry.kind in STATE_KINDS and since < entry.recorded_at <= at
        ),
    )


def _known(slips: list[Slip]) -> Mapping[str, object]:
    def listed(words: Iterator[str]) -> str:
        found = [*dict.fromkeys(words)]
        return ", ".join(found[:SOME]) + (" …" if len(found) > SOME else "")

    return {
        "count": len(slips),
        "kinds": listed(slip.kind for slip in slips) or "–",
        "rungs": listed(rung for slip in slips for rung in slip.rungs) or "–",
        "agencies": listed(slip.recipient for slip in slips) or "–",
    }


def _is_body(part: Mime) -> bool:
    return part.get_content_maintype() == "text" and part.get_content_disposition() is None


def _words(part: Mime) -> str:
    words = _payload(part).decode(part.get_content_charset("utf-8"), errors="replace")
    return words.replace("\r\n", "\n")


def _payload(part: Mime) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _header(value: str) -> str:
    """Return a header as it is read: encoded words decoded, folds undone."""
    return " ".join(str(make_header(decode_header(value))).split())
